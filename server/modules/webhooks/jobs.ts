import type { EndpointId } from '../../kernel/ids.ts';

/** Sends what is due to one endpoint. */
export const SEND_JOB = 'send_webhooks';
/** Forgets what was for an endpoint that is gone. */
export const FORGET_JOB = 'forget_webhooks_to';

/** What both are given; the key is the endpoint's id. */
export type SendJob = { readonly endpointId: EndpointId };
