/** What came of an attempt, written down: for the message, its event's stream and the endpoint. */
import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, run, type Tx } from '../../kernel/db.ts';
import type { DeliveryId, EndpointId, EventId, OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { record } from '../../kernel/outbox.ts';
import { assert, ok } from '../../kernel/result.ts';
import {
  type Attempt,
  endStream,
  hastenStream,
  lockStream,
  noteAttempt,
  postponeStream,
} from './delivery.sql.ts';
import {
  type DisabledReason,
  disableEndpoint,
  noteArrival,
  noteFailure,
  setQuiet,
} from './endpoint.sql.ts';
import type { SendOutcome } from './port.ts';
import {
  isDelivered,
  isGone,
  nextWaitSeconds,
  quietSeconds,
  retryAfterSeconds,
} from './rules-schedule.ts';
import { forgetTakers } from './takers.ts';

/** An endpoint that nothing has arrived at for so long is disabled. */
const FAILING_DAYS_MAX = 5;
/** Longer than the longest wait between two attempts. */
const FAILURE_FORGOTTEN_HOURS = 48;
const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;
const BYTE_MAX = 255;

export type Sent = {
  readonly endpointId: EndpointId;
  readonly deliveryId: DeliveryId;
  readonly eventId: EventId | null;
  /** Of the claim of the stream; null: it was asked for by hand. */
  readonly token: number | null;
  readonly step: number;
};

type Told = { readonly reason: DisabledReason; readonly organizerId: OrganizerId } | null;

export async function noteOutcome(
  ctx: Ctx,
  sent: Sent,
  outcome: SendOutcome,
  at: Date,
): Promise<void> {
  const attempt = attemptOf(outcome, at);
  const { token, eventId } = sent;
  const isTaken = isDelivered(attempt.statusCode);
  const done = await inTx(ctx, async (tx) => {
    const now = await readNow(tx, ctx.clock);
    // Somebody else has claimed it meanwhile: what counts is what they find.
    if (!(await lockClaim(tx, sent))) return ok<Told>(null);
    if (isTaken) await noteDelivered(tx, sent, attempt, now);
    else if (token === null || eventId === null) await noteByHand(tx, sent, attempt, now);
    else {
      const header = outcome.kind === 'answered' ? outcome.retryAfter : null;
      const failure = { attempt, askedSeconds: retryAfterSeconds(header, now) };
      return ok<Told>(await noteFailed(ctx, tx, { ...sent, eventId }, failure, now));
    }
    return ok<Told>(null);
  });
  // Where it is busy the claim ends by itself, and the attempt is made again.
  assert(done.ok, 'the outcome of a webhook could not be written down');
  ctx.metrics.webhooksSent.inc({ outcome: isTaken ? 'delivered' : 'failed' });
  if (done.value === null) return;
  const { reason, organizerId } = done.value;
  forgetTakers(ctx, organizerId);
  const { endpointId } = sent;
  ctx.log.warn({ endpointId, organizerId, reason }, 'an endpoint for webhooks was disabled');
}

const attemptOf = (outcome: SendOutcome, at: Date): Attempt => ({
  at,
  statusCode: outcome.kind === 'answered' ? outcome.statusCode : null,
  latencyMs: outcome.latencyMs,
  error: outcome.kind === 'failed' ? outcome.error : null,
  response: outcome.kind === 'answered' ? outcome.response : '',
});

/** No message waits in a stream that was claimed: sent by hand, or forgotten. */
export async function noteEmpty(
  ctx: Ctx,
  claim: Pick<Sent, 'endpointId' | 'token'> & { readonly eventId: EventId },
): Promise<void> {
  const done = await inTx(ctx, async (tx) => {
    const now = await readNow(tx, ctx.clock);
    if (await lockClaim(tx, claim)) await goOn(tx, claim.endpointId, claim.eventId, now);
    return ok(null);
  });
  // Where it is busy the claim ends by itself.
  assert(done.ok, 'a stream of webhooks could not be ended');
}

type Claim = Pick<Sent, 'endpointId' | 'eventId' | 'token'>;

async function lockClaim(tx: Tx, { endpointId, eventId, token }: Claim): Promise<boolean> {
  if (token === null || eventId === null) return true;
  return (await maybe(tx, lockStream(endpointId, eventId, token))) !== null;
}

async function noteDelivered(tx: Tx, sent: Sent, attempt: Attempt, now: Date): Promise<void> {
  const { endpointId, deliveryId, eventId, token } = sent;
  const to = { status: 'delivered', step: null, nextAt: null } as const;
  await maybe(tx, noteAttempt(endpointId, deliveryId, attempt, { ...to, byHand: !token }, now));
  if (eventId !== null && token !== null) await goOn(tx, endpointId, eventId, now);
  // What waits behind it does not wait for its next attempt any more.
  if (eventId !== null && token === null) await run(tx, hastenStream(endpointId, eventId, now));
  await run(tx, noteArrival(endpointId));
}

/** On to the next message of the event; where none waits, the stream ends. It is locked. */
async function goOn(tx: Tx, endpointId: EndpointId, eventId: string, now: Date): Promise<void> {
  await run(tx, postponeStream(endpointId, eventId, now));
  await run(tx, endStream(endpointId, eventId));
}

/** A test, or one more try: nothing follows from it, and a message that waits goes on waiting. */
async function noteByHand(tx: Tx, sent: Sent, attempt: Attempt, now: Date): Promise<void> {
  const status = sent.eventId === null ? 'failed' : null;
  const to = { status, step: null, nextAt: null, byHand: true } as const;
  await maybe(tx, noteAttempt(sent.endpointId, sent.deliveryId, attempt, to, now));
}

async function noteFailed(
  ctx: Ctx,
  tx: Tx,
  sent: Sent & { readonly eventId: EventId },
  failure: { readonly attempt: Attempt; readonly askedSeconds: number | null },
  now: Date,
): Promise<Told> {
  const { endpointId, deliveryId, eventId } = sent;
  const { attempt, askedSeconds } = failure;
  const step = sent.step + 1;
  const wait = nextWaitSeconds(step, askedSeconds, (ctx.ids.bytes(1)[0] ?? 0) / BYTE_MAX);
  const nextAt = wait === null ? null : new Date(now.getTime() + wait * SECOND_MS);
  const status = nextAt === null ? 'failed' : 'waiting';
  const to = { status, step, nextAt, byHand: false } as const;
  const after = await maybe(tx, noteAttempt(endpointId, deliveryId, attempt, to, now));
  // Given up; or it was sent by hand meanwhile.
  if (nextAt === null || after?.status !== 'waiting') await goOn(tx, endpointId, eventId, now);
  else await run(tx, postponeStream(endpointId, eventId, nextAt));
  const endpoint = await maybe(tx, noteFailure(endpointId, FAILURE_FORGOTTEN_HOURS, now));
  if (!endpoint) return null;
  const { failures, failingSince, organizerId } = endpoint;
  const quiet = quietSeconds(attempt.statusCode, askedSeconds, failures);
  if (quiet > 0) await run(tx, setQuiet(endpointId, quiet, now));
  const reason = reasonToDisable(attempt, now.getTime() - failingSince.getTime());
  if (reason === null || (await run(tx, disableEndpoint(endpointId, reason))) === 0) return null;
  const data = { organizerId, endpointId, reason, failingSince: failingSince.toISOString() };
  await record(tx, { kind: 'webhook_endpoint_disabled', eventId, data });
  return { reason, organizerId };
}

function reasonToDisable({ statusCode }: Attempt, failingMs: number): DisabledReason | null {
  if (isGone(statusCode)) return 'gone';
  return failingMs >= FAILING_DAYS_MAX * DAY_MS ? 'failing' : null;
}
