/** G17: who changed what, in a log that is only added to and shows who has been at it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../server/cli/main.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { headOf, sealChanges } from '../../server/kernel/timeline.ts';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const owner = (text: string, values: unknown[] = []) =>
  app.database.open(null).pool.query(text, values);

/** Somebody else's transaction on this server, also in another database, may hold the end back. */
async function sealAll(eventId: string): Promise<number> {
  const counted = async () => {
    await sealChanges(app.ctx.db);
    const { rows } = await owner(
      `select (select count(*)::int from kernel.state_change where event_id = $1) as written,
         (select coalesce(sum(cardinality(seqs)), 0)::int from kernel.timeline
           where event_id = $1) as chained`,
      [eventId],
    );
    return rows[0] as { written: number; chained: number };
  };
  return (await eventually(counted, ({ written, chained }) => written === chained)).chained;
}

/** A purchase that is confirmed and refunded, and its ticket reissued in between. */
async function story() {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 20 });
  const buyer = { name: 'Grace Hopper', email: 'grace@example.org', phone: '+493012345678' };
  const booked = await book(app.guest, eventId, typeId, { quantity: 2, buyer });
  await payWith(app, booked.body.payment.clientSecret);
  const orderId = booked.body.order.id as string;
  const guest = app.as(booked.body.accessToken);
  const settled = async () => {
    await app.drainJobs();
    return (await guest.get(`/orders/${orderId}`)).body;
  };
  const order = await eventually(settled, ({ status }) => status === 'confirmed');
  const ticketId = order.tickets[0].id as string;
  expect((await guest.post(`/orders/${orderId}/tickets/${ticketId}/reissue`)).status).toBe(200);
  const refund = { reason: 'ill', ticketIds: [ticketId] };
  expect((await app.admin.post(`/orders/${orderId}/refunds`, refund, newKey())).status).toBe(201);
  await app.drainJobs();
  return { eventId: eventId as EventId, typeId, orderId, ticketId, guest };
}

type Line = Readonly<Record<string, unknown>>;

async function pagesOf(eventId: string, limit: number) {
  const pages: { data: Line[]; nextCursor: string | null; head: Line; eventId: string }[] = [];
  for (let cursor = ''; ; ) {
    const { status, body } = await app.admin.get(
      `/events/${eventId}/timeline?limit=${limit}${cursor && `&cursor=${cursor}`}`,
    );
    expect(status).toBe(200);
    pages.push(body);
    if (body.nextCursor === null) return pages;
    cursor = body.nextCursor;
  }
}

describe('G17 the timeline of an event', () => {
  it('tells each change with its actor and what it is about in money', async () => {
    const { eventId, orderId, ticketId } = await story();
    const total = await sealAll(eventId);
    const [page] = await pagesOf(eventId, 200);
    expect(page?.data).toHaveLength(total);
    const of = (objectId: string) =>
      page?.data
        .filter((line) => line['objectId'] === objectId)
        .map(({ from, to, actor, amount, note }) => [from, to, actor, amount, note]);
    const five = { amount: 5_000, currency: 'EUR' };
    const one = { amount: 2_500, currency: 'EUR' };
    const admin = expect.stringMatching(/^key_/);
    expect(of(orderId)).toEqual([
      [null, 'pending', 'anonymous', five, null],
      ['pending', 'confirmed', 'job:settle_payment', five, null],
      ['confirmed', 'partially_refunded', admin, five, null],
    ]);
    expect(of(ticketId)).toEqual([
      [null, 'pending_capture', 'job:settle_payment', one, null],
      ['pending_capture', 'valid', 'job:settle_payment', one, null],
      ['valid', 'valid', 'buyer', one, 'code 2'],
      ['valid', 'void', admin, one, null],
    ]);
    const machines = new Set(page?.data.map((line) => line['machine']));
    expect([...machines].sort()).toEqual(['event', 'order', 'payment', 'refund', 'ticket']);
    expect(JSON.stringify(page)).not.toMatch(/grace|hopper|example\.org|4930/i);
    await expectAuditClean(app);
  });

  it('is read page by page, and recomputed from its pages by whoever has them', async () => {
    const { eventId } = await story();
    const total = await sealAll(eventId);
    const pages = await pagesOf(eventId, 3);
    expect(pages.length).toBe(Math.ceil(total / 3));
    const folder = mkdtempSync(join(tmpdir(), 'timeline-'));
    const files = pages.map((page, i) => {
      const file = join(folder, `${i}.json`);
      writeFileSync(file, JSON.stringify(page));
      return file;
    });
    const print = vi.spyOn(console, 'log').mockImplementation(() => {});
    try {
      expect(await main(['verify-timeline', ...files])).toBe(0);
      const { position, hash } = await headOf(app.ctx.db, eventId);
      expect(position).toBe(total);
      expect(print).toHaveBeenLastCalledWith(`Head: ${total} ${hash}`);
      expect(pages.at(-1)?.head).toEqual({ position, hash });
      writeFileSync(
        files[1] ?? '',
        JSON.stringify(pages[1]).replace('EUR', 'EUR').replace('2500', '25'),
      );
      expect(await main(['verify-timeline', ...files])).toBe(1);
      expect(await main(['verify-timeline', ...files.slice(1)])).toBe(1);
    } finally {
      print.mockRestore();
    }
  });

  it('of an order is told to its buyer by role, and to staff by id', async () => {
    const { orderId, guest } = await story();
    const actorsTo = async (who: typeof guest) => {
      const { body } = await who.get(`/orders/${orderId}/timeline`);
      return new Set(body.data.map(({ actor }: { actor: string }) => actor));
    };
    expect(await actorsTo(guest)).toEqual(new Set(['buyer', 'staff', 'system']));
    const toStaff = await actorsTo(app.admin);
    expect(toStaff).toContain('job:settle_payment');
    expect([...toStaff].filter((actor) => String(actor).startsWith('key_'))).toHaveLength(1);
    expect((await app.guest.get(`/orders/${orderId}/timeline`)).status).toBe(401);
  });
});

describe('G17 the timeline of an order', () => {
  it('tells of its dispute', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId);
    await payWith(app, body.payment.clientSecret, 'pm_card_createDispute');
    const machines = async () => {
      await app.drainJobs();
      const timeline = await app.admin.get(`/orders/${body.order.id}/timeline`);
      return timeline.body.data.map(({ machine }: { machine: string }) => machine).join(' ');
    };
    expect(await eventually(machines, (told) => told.includes('dispute'))).toMatch(/dispute/);
  });
});

describe('G17 sealing', () => {
  const line = `insert into kernel.state_change (event_id, machine, object_id, from_state, to_state,
    actor) values ($1, 'order', $2, 'x', 'x', 'test')`;

  it('waits for whoever began before, skips nothing that commits late, seals nothing twice', async () => {
    const { eventId } = await onSale(app.admin);
    await sealAll(eventId);
    const { position: before } = await headOf(app.ctx.db, eventId as EventId);
    const early = await connect(app.database.url);
    await early.query('begin');
    await early.query(line, [eventId, 'early']);
    await owner(line, [eventId, 'late']);
    await sealChanges(app.ctx.db);
    expect((await headOf(app.ctx.db, eventId as EventId)).position).toBe(before);
    await early.query('commit');
    await early.end();
    await sealAll(eventId);
    const [page] = await pagesOf(eventId, 200);
    expect(page?.data.slice(-2).map((one) => one['objectId'])).toEqual(['early', 'late']);
    await expectAuditClean(app);
  });

  it('by several at once, beside transactions of every length, chains each line once', async () => {
    const { eventId } = await onSale(app.admin);
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(app.database.url)));
    const sealing = { done: false };
    const sealers = [3, 7].map(async (atOnce) => {
      while (!sealing.done) await sealChanges(app.ctx.db, atOnce);
    });
    const writers = clients.map(async (client, i) => {
      for (let turn = 0; turn < 25; turn++) {
        await client.query('begin');
        for (let n = 0; n <= (turn * (i + 1)) % 5; n++) {
          await client.query(line, [eventId, `w${i}_${turn}_${n}`]);
        }
        await client.query(turn % 4 === i ? 'rollback' : 'commit');
      }
      await client.end();
    });
    await Promise.all(writers);
    sealing.done = true;
    await Promise.all(sealers);
    const total = await sealAll(eventId);
    const { rows } = await owner(
      `select count(*)::int as n, count(distinct q)::int as d
       from kernel.timeline t cross join unnest(t.seqs) as q where t.event_id = $1`,
      [eventId],
    );
    expect(rows).toEqual([{ n: total, d: total }]);
    expect(total).toBeGreaterThan(150);
    await expectAuditClean(app);
  });

  it('goes on where the database was restored into another server', async () => {
    const { eventId } = await onSale(app.admin);
    await sealAll(eventId);
    await owner(line, [eventId, 'before the restore']);
    // There, transactions had far higher numbers.
    await owner(`update kernel.sealing set system_id = 1, sealed_xid = '900000000000',
      next_xid = '900000000000'`);
    const replica = await connect(app.database.url);
    await replica.query(`set session_replication_role = replica;
      update kernel.state_change set xid = '900000000001' where object_id = 'before the restore'`);
    await replica.end();
    await sealChanges(app.ctx.db);
    await owner(line, [eventId, 'after it']);
    await sealAll(eventId);
    const [page] = await pagesOf(eventId, 200);
    expect(page?.data.slice(-2).map((one) => one['objectId'])).toEqual([
      'before the restore',
      'after it',
    ]);
    await expectAuditClean(app);
  });
});

describe('G17 a log that somebody has been at', () => {
  /** As the owner of the tables, past the triggers. */
  async function tamper(text: string, eventId: string) {
    const client = await connect(app.database.url);
    await client.query('set session_replication_role = replica');
    const { rowCount } = await client.query(text, [eventId]);
    await client.end();
    expect(rowCount).toBeGreaterThan(0);
  }
  const found = async (eventId: string) =>
    (await auditAll(app.ctx))
      .find(({ id }) => id === 'G17')
      ?.findings.filter((finding) => finding.eventId === eventId) ?? [];

  // However few lines the first part of the chain has: the end may have been held back after them.
  const third = `seq = (select line.seq from kernel.timeline t,
      unnest(t.seqs) with ordinality as line(seq, nth)
    where t.event_id = $1 order by t.first_position, line.nth limit 1 offset 2)`;
  it.each([
    [
      'a changed actor',
      `update kernel.state_change set actor = 'nobody' where event_id = $1 and ${third}`,
    ],
    [
      'a changed amount',
      `update kernel.state_change set amount_minor = 1 where event_id = $1 and ${third}`,
    ],
    [
      'a changed time',
      `update kernel.state_change set at = at + interval '1 microsecond' where event_id = $1 and ${third}`,
    ],
    ['a line that is gone', `delete from kernel.state_change where event_id = $1 and ${third}`],
    [
      'lines that changed places',
      `update kernel.timeline set seqs = seqs[2:2] || seqs[1:1] || seqs[3:]
       where event_id = $1 and first_position = (
         select min(first_position) from kernel.timeline
         where event_id = $1 and cardinality(seqs) > 1)`,
    ],
    [
      'a line that was put in with an old number',
      `insert into kernel.state_change (event_id, machine, object_id, from_state, to_state, actor, xid)
       values ($1, 'order', 'ord_forged', 'x', 'x', 'nobody', '3')`,
    ],
    [
      'a line that was put in, in the chain too',
      `with forged as (
         insert into kernel.state_change (event_id, machine, object_id, from_state, to_state, actor)
         values ($1, 'order', 'ord_forged', 'x', 'x', 'nobody') returning seq)
       update kernel.timeline t set seqs = seqs || f.seq from forged f
       where event_id = $1 and first_position = (
         select max(first_position) from kernel.timeline where event_id = $1)`,
    ],
    [
      'a part of the chain that is gone',
      'delete from kernel.timeline where event_id = $1 and first_position = 1',
    ],
    ['all of the chain gone', 'delete from kernel.timeline where event_id = $1'],
    [
      'a hash that was written anew',
      `update kernel.timeline set hash = sha256('x') where event_id = $1 and first_position = (
         select max(first_position) from kernel.timeline where event_id = $1)`,
    ],
  ])('shows %s', async (_what, text) => {
    const { eventId } = await story();
    await sealAll(eventId);
    expect(await found(eventId)).toEqual([]);
    await tamper(text, eventId);
    expect((await found(eventId)).length).toBeGreaterThan(0);
  });

  it('is refused to its owner too, by a trigger', async () => {
    for (const table of ['kernel.state_change', 'kernel.timeline']) {
      await expect(owner(`update ${table} set event_id = 'x'`)).rejects.toThrow(/only added to/);
      await expect(owner(`delete from ${table}`)).rejects.toThrow(/only added to/);
      await expect(owner(`truncate ${table}`)).rejects.toThrow(/only added to/);
    }
  });
});
