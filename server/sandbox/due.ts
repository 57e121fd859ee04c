/**
 * What happens by itself: refunds settle, Checkout Sessions expire, authorisations that nobody
 * captured are given back. Time is the simulator's clock. Each action locks its object first and
 * then takes its row, as API calls lock; whoever comes second finds the row gone.
 */
import { all, inTx, maybe, one } from '../kernel/db.ts';
import { ok, present } from '../kernel/result.ts';
import {
  type DueAction,
  deleteOldEvents,
  deleteOldKeys,
  nextDue,
  selectDue,
  takeDue,
} from './due.sql.ts';
import { cancel } from './payments/charging.ts';
import { expireSession } from './payments/checkout.ts';
import { settleRefund } from './payments/refunds.ts';
import { find, lock } from './store.ts';
import { happen, recordHappenings } from './webhooks/events.ts';
import { type Call, nowS, scopeOf, type World } from './world.ts';

const BATCH = 100;
const FORGOTTEN = 1_000;
const EVENTS_KEPT_S = 30 * 24 * 3_600;
const KEYS_KEPT_S = 24 * 3_600;

/**
 * Does everything that is due; returns how many things were done. One that fails keeps nothing else
 * from being done; its fault is thrown at the end.
 */
export async function runDue(world: World): Promise<number> {
  let done = 0;
  for (;;) {
    const due = await all(world.db, selectDue(world.nowMs(), BATCH));
    const faults: unknown[] = [];
    let taken = 0;
    for (const item of due) {
      await runOne(world, item).then(
        (won) => {
          taken += won ? 1 : 0;
        },
        (fault: unknown) => faults.push(fault),
      );
    }
    done += taken;
    if (faults.length > 0) throw faults[0];
    if (due.length < BATCH || taken === 0) return done;
  }
}

export async function msUntilDue(world: World): Promise<number> {
  const { dueMs } = await one(world.db, nextDue());
  return dueMs === null ? Number.POSITIVE_INFINITY : Math.max(0, dueMs - world.nowMs());
}

/** Forgets what Stripe would have forgotten, a batch at a time. */
export async function forgetOld(world: World): Promise<void> {
  const beforeS = nowS(world);
  let events: number;
  do {
    events = (await all(world.db, deleteOldEvents(beforeS - EVENTS_KEPT_S, FORGOTTEN))).length;
  } while (events === FORGOTTEN);
  let keys: number;
  do {
    keys = (await all(world.db, deleteOldKeys(beforeS - KEYS_KEPT_S, FORGOTTEN))).length;
  } while (keys === FORGOTTEN);
}

/** Whether it was ours to do. */
async function runOne(
  world: World,
  item: { readonly objectId: string; readonly owner: string; readonly action: DueAction },
): Promise<boolean> {
  const result = await inTx(scopeOf(world), async (tx) => {
    const call: Call = {
      tx,
      world,
      owner: item.owner,
      access: 'secret',
      requestId: null,
      idempotencyKey: null,
      baseUrl: world.baseUrl() ?? '',
      happened: [],
    };
    let taken = false;
    await actions[item.action](call, item.objectId, async () => {
      taken = (await maybe(tx, takeDue(item.objectId, item.action))) !== null;
      return taken;
    });
    await recordHappenings(call);
    return ok(taken);
  });
  // Busy: somebody else has the object; it is still due at the next look.
  return result.ok && result.value;
}

type Action = (call: Call, id: string, takes: () => Promise<boolean>) => Promise<void>;

const actions: Readonly<Record<DueAction, Action>> = {
  settle_refund: async (call, id, takes) => {
    const refund = present(await find(call, 'refund', id), id);
    await lock(call, 'payment_intent', refund.data.payment_intent);
    if (await takes()) await settleRefund(call, id);
  },
  expire_session: async (call, id, takes) => {
    const session = present(await lock(call, 'checkout.session', id), id);
    if ((await takes()) && session.data.status === 'open') await expireSession(call, session);
  },
  release_authorization: async (call, id, takes) => {
    const intent = present(await lock(call, 'payment_intent', id), id);
    if (!(await takes()) || intent.data.status !== 'requires_capture') return;
    const chargeId = present(intent.data.latest_charge, `the charge of ${id}`);
    happen(call, 'charge.expired', present(await find(call, 'charge', chargeId), chargeId));
    await cancel(call, intent, 'automatic');
  },
};
