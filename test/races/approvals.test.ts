/** D10: one approval, several people at once, and a process that dies between yes and done. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { eur, newKey } from '../kit/given.ts';
import { race } from '../kit/lane-calls.ts';
import { paidOrder } from '../kit/papers.ts';
import { newOrganizer } from '../kit/staff.ts';
import type { Session } from '../kit/variants.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

async function asked() {
  const { organizerId, staff, keyOf } = await newOrganizer(app);
  const limits = { refundAboveMinor: 0, complimentaryAbove: 0 };
  await staff.put(`/organizers/${organizerId}/approvals`, limits);
  const order = await paidOrder(app, { by: staff });
  const body = { reason: 'Ill' };
  const answer = await staff.post(`/orders/${order.orderId}/refunds`, body, newKey());
  expect(answer.status).toBe(202);
  return {
    ...order,
    approvalId: answer.body.approval.id as string,
    path: `/approvals/${answer.body.approval.id}`,
    others: [await keyOf('manager'), await keyOf('admin')] as const,
    read: async () => (await order.buyer.get(`/orders/${order.orderId}`)).body,
  };
}

/** Jobs that wait for their next attempt are due at once. */
async function drainAll() {
  await app.database.open(null).pool.query('update kernel.job set run_at = clock_timestamp()');
  await app.drainJobs();
}

describe('an approval', () => {
  it('D10 that two approve at once is approved by one, and executed once', async () => {
    const one = await asked();
    const stop = gate.stopAt('approval.before_decision');
    const first = one.others[0].post(`${one.path}/approve`);
    await stop.arrived;
    const second = await one.others[1].post(`${one.path}/approve`);
    stop.go();
    expect([second.status, (await first).status]).toEqual([200, 409]);
    await drainAll();
    await drainAll();
    expect(await one.read()).toMatchObject({
      status: 'refunded',
      refunds: [{ amount: eur(5_000) }],
    });
  });

  it('D10 that one approves and another rejects at once is one of both', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const one = await asked();
        const answers = await Promise.all([
          one.others[0].post(`${one.path}/approve`),
          one.others[1].post(`${one.path}/reject`),
        ]);
        return { one, answers };
      }),
    );
    await drainAll();
    for (const { one, answers } of outcomes) {
      const statuses = answers.map(({ status }) => status);
      expect([...statuses].sort()).toEqual([200, 409]);
      const isApproved = statuses[0] === 200;
      const { body } = await one.others[0].get(one.path);
      expect(body.status).toBe(isApproved ? 'executed' : 'rejected');
      expect((await one.read()).status).toBe(isApproved ? 'refunded' : 'confirmed');
    }
  });

  it('D10 whose process dies before it is done is gone on with', async () => {
    const one = await asked();
    await one.others[0].post(`${one.path}/approve`);
    gate.dieAt('approval.before_execute');
    await app.drainJobs();
    expect(await one.read()).toMatchObject({ status: 'confirmed', refunds: [] });
    expect((await one.others[0].get(one.path)).body.status).toBe('approved');
    await drainAll();
    expect(await one.read()).toMatchObject({ status: 'refunded', refunds: [{}] });
    expect((await one.others[0].get(one.path)).body.status).toBe('executed');
  });

  /** What `decide` does, by hand. */
  const decide = (approvalId: string, to: string, lock: string) => async (session: Session) => {
    const { rows } = await session.query(
      `select status from approvals.approval where approval_id = $1 ${lock}`,
      [approvalId],
    );
    if (rows[0].status !== 'requested') return 'decided before';
    await session.query(
      `update approvals.approval set status = $2, decided_by = $3, decided_at = clock_timestamp()
       where approval_id = $1`,
      [approvalId, to, `by-hand-${to}`],
    );
    return to;
  };

  it('D10 without the lock is decided twice, as far as the machine lets it', async () => {
    const { approvalId } = await asked();
    const calls = {
      first: decide(approvalId, 'approved', ''),
      second: decide(approvalId, 'rejected', ''),
    };
    await expect(race(app.database.url, calls)).rejects.toMatchObject({ code: '23514' });
  });

  it('D10 with it is decided once', async () => {
    const { approvalId } = await asked();
    const lock = 'for no key update';
    const calls = {
      first: decide(approvalId, 'rejected', lock),
      second: decide(approvalId, 'approved', lock),
    };
    const { first, second } = await race(app.database.url, calls);
    expect([first, second]).toEqual(['rejected', 'decided before']);
  });
});
