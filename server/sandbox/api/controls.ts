/**
 * What Stripe has not, beside its paths: the ledger to audit against, faults on demand, and banks
 * that take money back when told to. JSON, with the secret key.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { inTx } from '../../kernel/db.ts';
import { ok } from '../../kernel/result.ts';
import { disputeReasons } from '../balance-objects.ts';
import type { ObjectType } from '../objects.ts';
import { closeDispute, disputeIntent, lockDispute } from '../payments/disputes.ts';
import { readLedger } from '../payments/ledger.ts';
import { findAnyones } from '../store.ts';
import { recordHappenings } from '../webhooks/events.ts';
import { type Answer, type Call, type Outcome, scopeOf, type World } from '../world.ts';
import { invalid, lockTimeout, noSuch } from './errors.ts';
import { faultPlan } from './faults.ts';
import { accessOf } from './keys.ts';
import { answer, type Endpoint } from './route.ts';

const BODY_LIMIT_BYTES = 64 * 1024;

export function registerControls(
  world: World,
  app: FastifyInstance,
  endpoints: readonly Endpoint[],
): void {
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    app.getDefaultJsonParser('error', 'error'),
  );
  app.addHook('onRequest', async (request, reply) => {
    const access = accessOf(world, request.headers.authorization, {});
    if (access.ok && access.value === 'secret') return;
    await refuse(reply, access.ok ? 403 : 401, 'This takes the secret key.');
  });
  app.get('/ledger', async () => readLedger(world.db));
  registerFaults(world, app, endpoints);
  registerDisputes(world, app);
}

function registerFaults(world: World, app: FastifyInstance, endpoints: readonly Endpoint[]): void {
  /** A rule that can never strike would make a test pass for nothing. */
  const canStrike = (on: string): boolean =>
    endpoints.some((endpoint) => `${endpoint.method} ${endpoint.path}` === on) ||
    /^(payment_intent|charge|refund|checkout\.session)\.[a-z_.]+$/.test(on);

  app.get('/faults', async () => world.faults.plan());
  app.delete('/faults', async () => {
    world.faults.set({ seed: 1, rules: [] });
    return world.faults.plan();
  });
  app.post('/faults', async (request, reply) => {
    const plan = faultPlan.safeParse(request.body);
    if (!plan.success) return refuse(reply, 400, plan.error.issues[0]?.message ?? 'Invalid plan.');
    const unknown = plan.data.rules.find((rule) => rule.on !== undefined && !canStrike(rule.on));
    if (unknown) return refuse(reply, 400, `No call or event is named ${unknown.on}.`);
    world.faults.set(plan.data);
    return world.faults.plan();
  });
}

const opening = z.strictObject({
  payment_intent: z.string().min(1).max(255),
  /** All that is left of the charge, if not given. */
  amount: z.int().min(1).optional(),
  reason: z.enum(disputeReasons).default('fraudulent'),
  inquiry: z.boolean().default(false),
});

const closing = z.strictObject({ outcome: z.enum(['won', 'lost']) });

function registerDisputes(world: World, app: FastifyInstance): void {
  app.post('/disputes', async (request, reply) => {
    const wanted = opening.safeParse(request.body);
    if (!wanted.success) return refuse(reply, 400, 'Invalid dispute.');
    const { payment_intent: id, inquiry, ...given } = wanted.data;
    const made = await inAccountOf(world, 'payment_intent', id, async (call) => {
      const opened = await disputeIntent(call, id, { ...given, isInquiry: inquiry });
      return opened.ok ? answer(opened.value.data) : opened;
    });
    return send(reply, made);
  });
  app.post('/disputes/:id', async (request, reply) => {
    const wanted = closing.safeParse(request.body);
    if (!wanted.success) return refuse(reply, 400, 'The outcome is won or lost.');
    // The route has this parameter.
    const { id } = request.params as { readonly id: string };
    const done = await inAccountOf(world, 'dispute', id, async (call) => {
      const dispute = await lockDispute(call, id);
      if (!dispute) return noSuch('dispute', id);
      const closed = await closeDispute(call, dispute, wanted.data.outcome);
      return closed ? answer(closed.data) : invalid(`Dispute ${id} is already closed.`);
    });
    return send(reply, done);
  });
}

/** In the account that this object belongs to: whoever has the secret key need not name it. */
async function inAccountOf(
  world: World,
  type: ObjectType,
  id: string,
  run: (call: Call) => Promise<Outcome<Answer>>,
): Promise<Outcome<Answer>> {
  const result = await inTx(scopeOf(world), async (tx) => {
    const named = await findAnyones(tx, type, id.replaceAll('\0', ''));
    if (!named) return noSuch(type, id);
    const call: Call = {
      tx,
      world,
      owner: named.owner,
      access: 'secret',
      requestId: null,
      idempotencyKey: null,
      baseUrl: world.baseUrl() ?? '',
      happened: [],
    };
    const outcome = await run(call);
    if (!outcome.ok) return outcome;
    await recordHappenings(call);
    return ok(outcome.value);
  });
  if (result.ok) {
    world.wake();
    return result;
  }
  // Whatever is not a refusal of the API's is a lock that somebody else holds.
  return 'status' in result.refusal ? { ok: false, refusal: result.refusal } : lockTimeout;
}

function send(reply: FastifyReply, outcome: Outcome<Answer>): FastifyReply {
  if (outcome.ok) return reply.status(outcome.value.status).send(outcome.value.body);
  return reply.status(outcome.refusal.status).send({ error: outcome.refusal.error });
}

async function refuse(reply: FastifyReply, status: number, message: string) {
  return reply.status(status).send({ error: { type: 'invalid_request_error', message } });
}
