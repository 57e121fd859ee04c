/**
 * `/v1/disputes`: a buyer tells their bank that a payment was wrong, and the bank takes the money
 * back at once. A test card does so as soon as it was charged; anybody with the secret key may open
 * one on a charge, and close it as won or lost. An inquiry moves no money.
 *
 *   needs_response ─► under_review ─► won | lost        warning_… ─► warning_closed
 *
 * Lock order: the intent, then its dispute.
 */
import { z } from 'zod';
import { ok, present } from '../../kernel/result.ts';
import { invalid, noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import { createdFilter, flag, metadata, page, text, withMetadata } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import { type DisputeReason, evidenceFields, newDispute } from '../balance-objects.ts';
import { find, insert, list, lock, type StoredObject, save } from '../store.ts';
import { happen } from '../webhooks/events.ts';
import { type Answer, type Call, newId, nowS, type Outcome } from '../world.ts';
import { disputeFee } from './fees.ts';
import { postDispute, postDisputeReversed } from './ledger.ts';

const PATH = '/v1/disputes';
/** More on one charge than there can be: a new one needs the one before to be over. */
const DISPUTES_MAX = 100;

type StoredDispute = StoredObject<'dispute'>;

/** The caller holds the intent's lock. */
export async function openDispute(
  call: Call,
  charge: StoredObject<'charge'>,
  given: { readonly amount: number; readonly reason: DisputeReason; readonly isInquiry: boolean },
): Promise<StoredDispute> {
  const id = newId(call.world, 'du');
  const fresh = newDispute(id, nowS(call.world), charge.data, given);
  const made = await insert(call, 'dispute', fresh, { parent: fresh.payment_intent });
  await save(call, 'charge', charge, { disputed: true });
  if (given.isInquiry) {
    happen(call, 'charge.dispute.created', made);
    return made;
  }
  const booked = await save(call, 'dispute', made, {
    balance_transactions: [await postDispute(call, fresh, disputeFee(fresh.currency))],
  });
  happen(call, 'charge.dispute.created', booked);
  happen(call, 'charge.dispute.funds_withdrawn', booked);
  return booked;
}

/** What the buyer of a test card does as soon as the money is taken. */
export async function disputeAsCardSays(call: Call, charge: StoredObject<'charge'>): Promise<void> {
  const { disputes } = charge.hidden;
  if (!disputes) return;
  await openDispute(call, charge, { ...disputes, amount: charge.data.amount_captured });
}

/** Null: the charge can be disputed, for so much; else why not. */
export async function disputable(
  call: Call,
  charge: StoredObject<'charge'>,
): Promise<{ readonly leftMinor: number } | { readonly why: string }> {
  const leftMinor = charge.data.amount_captured - charge.data.amount_refunded;
  if (leftMinor <= 0) return { why: 'Nothing of this charge is left to dispute.' };
  if (await isChargedBack(call, charge)) return { why: 'This charge is disputed already.' };
  return { leftMinor };
}

/** Whether the bank holds the money of this charge, for now or for good. */
export async function isChargedBack(call: Call, charge: StoredObject<'charge'>): Promise<boolean> {
  if (!charge.data.disputed) return false;
  const parent = charge.data.payment_intent;
  const found = present(await list(call, 'dispute', { parent, limit: DISPUTES_MAX }), 'a list');
  return found.some(({ data }) => !data.is_charge_refundable);
}

const isWarning = ({ data }: StoredDispute) => data.status.startsWith('warning_');
const isOver = ({ data }: StoredDispute) =>
  data.status === 'won' || data.status === 'lost' || data.status === 'warning_closed';

/** The bank has decided; the caller holds the intent's lock. Null: it had decided before. */
export async function closeDispute(
  call: Call,
  dispute: StoredDispute,
  outcome: 'won' | 'lost',
): Promise<StoredDispute | null> {
  if (isOver(dispute)) return null;
  if (isWarning(dispute)) {
    const closed = await save(call, 'dispute', dispute, { status: 'warning_closed' });
    happen(call, 'charge.dispute.closed', closed);
    return closed;
  }
  if (outcome === 'lost') {
    const lost = await save(call, 'dispute', dispute, { status: 'lost' });
    happen(call, 'charge.dispute.closed', lost);
    return lost;
  }
  const won = await save(call, 'dispute', dispute, {
    balance_transactions: [
      ...dispute.data.balance_transactions,
      await postDisputeReversed(call, dispute.data),
    ],
    is_charge_refundable: true,
    status: 'won',
  });
  happen(call, 'charge.dispute.closed', won);
  happen(call, 'charge.dispute.funds_reinstated', won);
  return won;
}

/** Found again after its intent was locked. */
export async function lockDispute(call: Call, id: string): Promise<StoredDispute | null> {
  const known = await find(call, 'dispute', id);
  if (!known) return null;
  await lock(call, 'payment_intent', known.data.payment_intent);
  return find(call, 'dispute', id);
}

const updateParams = z.strictObject({
  evidence: z.partialRecord(z.enum(evidenceFields), text).optional(),
  metadata: metadata.optional(),
  submit: flag.optional(),
});

/** Stripe's own test words, given as `evidence[uncategorized_text]`. */
const VERDICTS: Readonly<Record<string, 'won' | 'lost'>> = {
  winning_evidence: 'won',
  losing_evidence: 'lost',
};

async function update(
  call: Call,
  params: z.output<typeof updateParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const dispute = await lockDispute(call, id);
  if (!dispute) return noSuch('dispute', id);
  const { evidence, submit = true } = params;
  if (evidence && isOver(dispute)) return isClosed(id);
  const { evidence_details: before } = dispute.data;
  const isSubmitted = evidence !== undefined && submit;
  const changed = await save(call, 'dispute', dispute, {
    evidence: { ...dispute.data.evidence, ...evidence },
    evidence_details: {
      ...before,
      has_evidence: before.has_evidence || evidence !== undefined,
      submission_count: before.submission_count + (isSubmitted ? 1 : 0),
    },
    metadata: withMetadata(dispute.data.metadata, params.metadata),
    ...(isSubmitted
      ? { status: isWarning(dispute) ? 'warning_under_review' : 'under_review' }
      : {}),
  });
  happen(call, 'charge.dispute.updated', changed);
  const verdict = isSubmitted ? VERDICTS[evidence.uncategorized_text ?? ''] : undefined;
  if (verdict === undefined) return answer(changed.data);
  return answer(present(await closeDispute(call, changed, verdict), id).data);
}

function isClosed(id: string): Extract<Outcome<never>, { ok: false }> {
  return invalid(`Dispute ${id} is already closed.`);
}

const listParams = z.strictObject({
  ...page,
  charge: text.optional(),
  created: createdFilter.optional(),
  payment_intent: text.optional(),
});

export const disputeEndpoints = [
  endpoint('GET', PATH, listParams, (call, params) =>
    listAnswer(call, 'dispute', PATH, params, {
      filter: { parent: params.payment_intent, members: { charge: params.charge } },
    }),
  ),
  endpoint('GET', `${PATH}/:id`, z.strictObject({}), async (call, _params, id) => {
    const dispute = await find(call, 'dispute', id);
    return dispute ? answer(dispute.data) : noSuch('dispute', id);
  }),
  endpoint('POST', `${PATH}/:id`, updateParams, update),
  endpoint('POST', `${PATH}/:id/close`, z.strictObject({}), async (call, _params, id) => {
    const dispute = await lockDispute(call, id);
    if (!dispute) return noSuch('dispute', id);
    const closed = await closeDispute(call, dispute, 'lost');
    return closed ? answer(closed.data) : isClosed(id);
  }),
];

/** By hand, as if a buyer had called their bank. */
export async function disputeIntent(
  call: Call,
  intentId: string,
  given: {
    readonly amount?: number | undefined;
    readonly reason: DisputeReason;
    readonly isInquiry: boolean;
  },
): Promise<Outcome<StoredDispute>> {
  const intent = await lock(call, 'payment_intent', intentId);
  if (!intent) return noSuch('payment_intent', intentId);
  const chargeId = intent.data.latest_charge;
  const charge = chargeId === null ? null : await find(call, 'charge', chargeId);
  if (!charge?.data.captured) return invalid('This PaymentIntent has taken no money to dispute.');
  const can = await disputable(call, charge);
  if ('why' in can) return invalid(can.why);
  const amount = given.amount ?? can.leftMinor;
  if (amount > can.leftMinor) return invalid(`At most ${can.leftMinor} can be disputed.`);
  return ok(await openDispute(call, charge, { ...given, amount }));
}
