/** `/v1/webhook_endpoints`: where events go. The signing secret is shown at creation only. */
import { z } from 'zod';
import { inTx, one } from '../../kernel/db.ts';
import { assert, ok } from '../../kernel/result.ts';
import { noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import { absoluteUrl, flag, list, metadata, page, text, withMetadata } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import type { WebhookEndpoint } from '../objects.ts';
import { putEndpoint } from '../store.sql.ts';
import { find, insert, remove } from '../store.ts';
import { newId, nowS, scopeOf, type World } from '../world.ts';

const PATH = '/v1/webhook_endpoints';

/** The endpoints that this instance registers for itself: its own account's, and for the others. */
export const INSTANCE_ENDPOINTS = [
  { id: 'we_sandbox', connect: false },
  { id: 'we_sandbox_connect', connect: true },
] as const;

const createParams = z.strictObject({
  enabled_events: list(text),
  url: absoluteUrl,
  connect: flag.optional(),
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
 * Events of these types (`*`: all) go to `url`, signed with the secrets of the instance's own
 * endpoints. The next call with another address moves them there, waiting deliveries included:
 * after a restart on another port nothing is sent to where nobody listens any more.
 */
export async function ensureEndpoint(
  world: World,
  url: string,
  types: readonly string[] = ['*'],
): Promise<void> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  assert(/^https?:$/.test(protocol), `not an address for webhooks: ${url}`);
  const result = await inTx(scopeOf(world), async (tx) => {
    const created = nowS(world);
    for (const { id, connect } of INSTANCE_ENDPOINTS) {
      const description = 'this instance';
      const data = newEndpoint({ id, created, url, description, enabled_events: types });
      await one(tx, putEndpoint(id, created, JSON.stringify(data), JSON.stringify({ connect })));
    }
    return ok(null);
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
      { hidden: { connect: params.connect ?? false } },
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
