/**
 * Section churn: four of five holds are abandoned and lapse after two seconds, so that places come
 * back as fast as they are taken; the fifth is to be bought. Against the same load where holds live
 * as long as usual. Both over HTTP on one hot event, with sweeper and worker running; the purchases
 * are made in process: an order with its payment, claimed and confirmed.
 */
import type { HoldId } from '../../server/kernel/ids.ts';
import { readAvailability } from '../../server/modules/inventory/index.ts';
import { auditProduct, Unsound } from './audit.ts';
import {
  type Bench,
  CAPACITY_MAX,
  callers,
  HOT_CALLERS,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { call } from './callers.ts';
import { asSuperuser } from './databases.ts';
import { ratioOf } from './hot.ts';
import {
  type BenchEvent,
  holdTemplate,
  openEvent,
  openProduct,
  type Product,
  REQUESTS_PER_PERSON,
} from './product.ts';
import { buyHold } from './purchase.ts';
import { short, spreadOf, spreadText } from './report.ts';
import { refusedIn, type Tally } from './tally.ts';

const ROUNDS = 3;
const BLOCK_SECONDS = 8;
const LIFE_MS = 2_000;
const SMOKE_LIFE_MS = 200;
const BUY_EVERY = 5;
const BUYERS = 8;
/** After the life of the last hold, everything that was not bought must be free again. */
const FREE_AGAIN_MAX_MS = LIFE_MS + 3_000;
const FREE_AGAIN_POLL_MS = 50;

/** The table refuses lives below a minute: nobody sells like that, and here it has to be short. */
export async function allowShortLives(url: string): Promise<void> {
  await asSuperuser(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select conname as name from pg_constraint
       where conrelid = 'inventory.sale'::regclass and contype = 'c'
         and pg_get_constraintdef(oid) like '%hold_ms%'`,
    );
    for (const { name } of rows) {
      const quoted = client.escapeIdentifier(name);
      await client.query(`alter table inventory.sale drop constraint ${quoted}`);
    }
  });
}

type Churned = { readonly tally: Tally; readonly bought: number; readonly late: number };

async function block(bench: Bench, product: Product, lifeMs: number | null): Promise<Churned> {
  const event = await openEvent(product, CAPACITY_MAX);
  if (lifeMs !== null) {
    await product.ctx.db.pool.query('update inventory.sale set hold_ms = $2 where event_id = $1', [
      event.eventId,
      lifeMs,
    ]);
  }
  const waiting: string[] = [];
  const verdicts: string[] = [];
  let isOver = false;
  const buyer = async () => {
    while (!isOver) {
      const id = waiting.shift();
      if (id === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      // Acknowledged by the product a moment ago.
      else verdicts.push(await buyHold(product, event, id as HoldId));
    }
  };
  const faults: unknown[] = [];
  const buyers = Array.from({ length: BUYERS }, () => buyer().catch((e) => void faults.push(e)));
  const tally = await call(
    {
      ...{ ports: [product.port], callers: callers(bench, HOT_CALLERS) },
      ...{ templates: [holdTemplate(event)], requestsPerPerson: REQUESTS_PER_PERSON },
      ...{ firstNumber: 0, seconds: seconds(bench, BLOCK_SECONDS), requests: null, rate: null },
      ...{ keepIds: true, sampleEvery: BUY_EVERY },
    },
    (ids) => void waiting.push(...ids),
  );
  isOver = true;
  await Promise.all(buyers);
  if (faults.length > 0) throw faults[0];
  await auditProduct(product, event, tally);
  const bought = verdicts.filter((verdict) => verdict === 'confirmed').length;
  if (lifeMs !== null) await untilFree(product, event, CAPACITY_MAX - bought);
  return { tally, bought, late: verdicts.length - bought + waiting.length };
}

/** What nobody bought is shown as free, and nothing else is. */
async function untilFree(product: Product, event: BenchEvent, free: number): Promise<void> {
  const givenUpAt = performance.now() + FREE_AGAIN_MAX_MS;
  for (;;) {
    const shown = await readAvailability(product.ctx, event.eventId);
    const available = shown?.ticketTypes[0]?.available;
    if (available === free) return;
    if (performance.now() > givenUpAt) {
      throw new Unsound(`churn: ${free} places should be free, ${available} are shown`);
    }
    await new Promise((resolve) => setTimeout(resolve, FREE_AGAIN_POLL_MS));
  }
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const churn: Churned[] = [];
  const calm: Churned[] = [];
  try {
    await allowShortLives(url);
    if (!bench.options.smoke) await block(bench, product, null);
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (const arm of round % 2 === 0 ? ['calm', 'churn'] : ['churn', 'calm']) {
        if (arm === 'calm') calm.push(await block(bench, product, null));
        else churn.push(await block(bench, product, bench.options.smoke ? SMOKE_LIFE_MS : LIFE_MS));
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await product.close();
    await bench.databases.drop(url);
  }
  const rates = (all: readonly Churned[]) => all.map(({ tally }) => tally.granted / tally.seconds);
  for (const [name, all] of [
    ['holds that live as usual', calm],
    ['holds that live 2 s', churn],
  ] as const) {
    const sum = (pick: (one: Churned) => number) => short(all.reduce((n, one) => n + pick(one), 0));
    bench.report.line(
      `${name}: ${spreadText(spreadOf(rates(all)))} holds/s, ${sum((one) => one.bought)} bought, ` +
        `${sum((one) => one.late)} too late, ${sum((one) => refusedIn(one.tally))} refused`,
    );
  }
  bench.report.figure({
    says: '80 % of holds abandoned with a 2 s life, over HTTP ÷ no churn',
    bar: { atLeast: 0.6 },
    value: ratioOf(rates(churn), rates(calm)),
  });
}

export const churnSection: Section = {
  name: 'churn',
  title: 'four of five holds abandoned after two seconds',
  run,
};
