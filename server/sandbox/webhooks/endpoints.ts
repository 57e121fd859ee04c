/** `/v1/webhook_endpoints`: where events go. The signing secret is shown at creation only. */
import { z } from 'zod';
import { inTx, one } from '../../kernel/db.ts';
import { assert, ok } from '../../kernel/result.ts';
import { noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import { absoluteUrl, list, metadata, page, text, withMetadata } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import type { WebhookEndpoint } from '../objects.ts';
import { putEndpoint } from '../store.sql.ts';
import { find, insert, remove } from '../store.ts';
import { newId, nowS, scopeOf, type World } from '../world.ts';

const PATH = '/v1/webhook_endpoints';

/** The endpoint that this instance registers for itself. */
export const INSTANCE_ENDPOINT = 'we_sandbox';

const createParams = z.strictObject({
  enabled_events: list(text),
  url: absoluteUrl,
  api_version: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
});

function newEndpoint(
  given: Pick<WebhookEndpoint, 'id' | 'created' | 'url'> & Partial<WebhookEndpoint>,
): WebhookEndpoint {
  return {
    object: 'webhook_endpoint',
    api_version: null,
    application: null,
    description: null,
    enabled_events: ['*'],
    livemode: false,
    metadata: {},
    status: 'enabled',
    ...given,
  };
}

/**
 * All events go to `url`, signed with the instance's own webhook secret. The next call with
 * another address moves the endpoint there, waiting deliveries included: after a restart on
 * another port nothing is sent to where nobody listens any more.
 */
export async function ensureEndpoint(world: World, url: string): Promise<void> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  assert(/^https?:$/.test(protocol), `not an address for webhooks: ${url}`);
  const result = await inTx(scopeOf(world), async (tx) => {
    const created = nowS(world);
    const data = newEndpoint({ id: INSTANCE_ENDPOINT, created, url, description: 'this instance' });
    return ok(await one(tx, putEndpoint(data.id, created, JSON.stringify(data))));
  });
  assert(result.ok, 'the webhook endpoint could not be registered: the database is busy');
}

export const webhookEndpoints = [
  endpoint('POST', PATH, createParams, async (call, params) => {
    const { world } = call;
    const made = await insert(
      call,
      'webhook_endpoint',
      newEndpoint({
        id: newId(world, 'we'),
        created: nowS(world),
        api_version: params.api_version ?? null,
        description: params.description ?? null,
        enabled_events: params.enabled_events,
        metadata: withMetadata({}, params.metadata),
        url: params.url,
      }),
    );
    return answer({ ...made.data, secret: world.webhookSecretOf(made.data.id) });
  }),
  endpoint('GET', PATH, z.strictObject(page), (call, params) =>
    listAnswer(call, 'webhook_endpoint', PATH, params),
  ),
  endpoint('GET', `${PATH}/:id`, z.strictObject({}), async (call, _params, id) => {
    const found = await find(call, 'webhook_endpoint', id);
    return found ? answer(found.data) : noSuch('webhook_endpoint', id);
  }),
  endpoint('DELETE', `${PATH}/:id`, z.strictObject({}), async (call, _params, id) => {
    const gone = await remove(call, 'webhook_endpoint', id);
    return gone
      ? answer({ id, object: 'webhook_endpoint', deleted: true })
      : noSuch('webhook_endpoint', id);
  }),
];
