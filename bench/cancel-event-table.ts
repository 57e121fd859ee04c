/**
 * What a cancellation costs by its size: orders that are ended and whose refunds are written down,
 * a second, over the whole of it, and the memory of the process meanwhile; then refunds that go out
 * at their pace. The orders are one that was bought and multiplied; the provider answers at once,
 * since what is measured is ours. bench/README.md says how to read it. Kept as text under
 * bench/results/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import type { PaymentPort, PaymentProvider } from '../server/modules/payments/index.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import { settleDown } from './inventory/multiply.ts';
import { ADMIN_KEY, openEvent, openProduct, type Product } from './inventory/product.ts';
import { confirmedOrders } from './inventory/purchase.ts';
import { openReport, type Report, short } from './inventory/report.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';

const ORDERS = 50_000;
const SMOKE_ORDERS = 400;
const PARTS = 10;
const REFUND_SECONDS = 60;
const SMOKE_REFUND_SECONDS = 3;
const LOOK_EVERY_MS = 50;
const MIB = 1024 * 1024;
const USAGE = 'npm run bench -- cancel-event [--smoke] [--orders N]';

type Part = { readonly orders: number; readonly seconds: number; readonly mib: number };

export async function main(args: readonly string[] = []): Promise<number> {
  const isSmoke = args.includes('--smoke');
  const at = args.indexOf('--orders');
  const orders = at < 0 ? (isSmoke ? SMOKE_ORDERS : ORDERS) : Number(args[at + 1]);
  const known = (isSmoke ? 1 : 0) + (at < 0 ? 0 : 2);
  if (args.length !== known || !Number.isInteger(orders) || orders < PARTS) {
    console.error(USAGE);
    return 2;
  }
  exitOnSignals();
  const databases = await openDatabases();
  const report = openReport(false);
  try {
    const { rows } = await databases.client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), databases.folder));
    const product = await openProduct(await databases.fresh(), { worker: false });
    try {
      await measure(product, report, orders, isSmoke);
    } finally {
      await product.close();
    }
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

/** The same port, whose refunds have succeeded before anybody can wait for them. */
function answerAtOnce(real: PaymentPort): PaymentPort {
  let made = 0;
  const refund: PaymentProvider['refund'] = async ({ amountMinor, metadata }) => {
    made += 1;
    const id = `re_bench_${made}`;
    return {
      kind: 'ok',
      value: { id, status: 'succeeded', failureCode: null, amountMinor, metadata },
    };
  };
  return { ...real, of: (account) => ({ ...real.of(account), refund }) };
}

async function measure(product: Product, report: Report, orders: number, isSmoke: boolean) {
  const value = answerAtOnce(product.ctx.ports.payments);
  Object.defineProperty(product.ctx.ports, 'payments', { value });
  const event = await openEvent(product, orders);
  await confirmedOrders(product, event, orders);
  if (!isSmoke) await settleDown(product.url);
  const count = async (text: string) => {
    const { rows } = await product.ctx.db.pool.query<{ n: number }>(text, [event.eventId]);
    return present(rows[0], 'a count').n;
  };
  const decided = () =>
    count(`select count(*)::int as n from orders.remedy where event_id = $1 and status = 'done'`);
  const paid = () =>
    count(
      `select count(*)::int as n from payments.refund where event_id = $1 and status = 'succeeded'`,
    );
  product.parts.startWork();
  const startedAt = performance.now();
  const answer = await product.parts.app.inject({
    method: 'POST',
    url: `/api/v1/events/${event.eventId}/cancel`,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    payload: { remedies: ['refund'] },
  });
  if (answer.statusCode !== 200) throw new Error(`not cancelled: ${answer.body}`);
  const parts: Part[] = [];
  for (let from = 0, since = startedAt; parts.length < PARTS; ) {
    await sleep(LOOK_EVERY_MS);
    const done = await decided();
    if (done < (orders / PARTS) * (parts.length + 1)) continue;
    const now = performance.now();
    const mib = process.memoryUsage().rss / MIB;
    parts.push({ orders: done - from, seconds: (now - since) / 1_000, mib });
    [from, since] = [done, now];
  }
  tell(report, orders, parts);
  const before = await paid();
  const seconds = isSmoke ? SMOKE_REFUND_SECONDS : REFUND_SECONDS;
  await sleep(seconds * 1_000);
  const refunds = (await paid()) - before;
  report.section('refunds', 'submitted and recorded, at the pace that is named in the code');
  report.line(`${short(refunds / seconds)} a second over ${seconds} s`);
}

function tell(report: Report, orders: number, parts: readonly Part[]): void {
  report.section('orders', `${orders} of one event ended, each with its refund, place and facts`);
  report.table(
    ['orders', 'seconds', 'a second', 'memory MiB'],
    parts.map((part) =>
      [part.orders, part.seconds, part.orders / part.seconds, part.mib].map(short),
    ),
  );
  const rates = parts.map((part) => part.orders / part.seconds);
  const [first, last] = [present(parts[0], 'a part'), present(parts.at(-1), 'the last part')];
  report.figure({
    says: 'slowest ÷ fastest tenth',
    ...{ bar: null, value: Math.min(...rates) / Math.max(...rates) },
  });
  report.figure({ says: 'memory grown, MiB', bar: null, value: last.mib - first.mib });
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `cancel-event-table-${new Date().toISOString().slice(0, 10)}.txt`;
  writeFileSync(join(results, name), report.text());
  console.log(`kept as bench/results/${name}`);
}
