/** Bugs of money: in our functions, and between us and the provider. */
import { randomUUID } from 'node:crypto';
import type { Asked, Intent, PaymentProvider } from '../../server/modules/payments/index.ts';
import type { OverrideContext } from './instances.ts';
import { FREE, LATE, NEVER_OVERSOLD, ORDER, PAYING, type Plant, payingEvent } from './planting.ts';

export const moneyPlants: readonly Plant[] = [
  {
    name: 'a late payment is honoured beyond the capacity',
    changes: [{ file: FREE, find: 'elsif m.quantity > m.room then', put: 'elsif false then' }],
    statements: [NEVER_OVERSOLD],
    caughtBy: ['G1'],
    run: LATE,
  },
  {
    name: 'a late payment is honoured beyond the cap',
    changes: [
      {
        file: FREE,
        find: /coalesce\((inventory\.too_late@v\([^)]*\)), inventory\.cap_refusal@v\([^)]*\)\)/,
        put: '$1',
      },
    ],
    caughtBy: ['G6'],
    slow: true,
    run: {
      ...LATE,
      changeEvent: (plan) => ({
        ...payingEvent(plan),
        ...{ pools: plan.pools.map(() => 60), grid: null, holdMs: 400, personLimit: 2, people: 4 },
      }),
    },
  },
  {
    name: 'money is counted in fractions',
    smoke: true,
    changes: [
      {
        file: ORDER,
        find: /\(select sum\(l\.quantity \* l\.unit_price_minor\)(\s+from orders\.priced_lines)/,
        put: '(select floor(sum(l.quantity * (l.unit_price_minor / 100.0::float8)) * 100)::int$1',
      },
    ],
    caughtBy: ['G7'],
    run: {
      ...PAYING,
      changeEvent: (plan) => ({
        ...payingEvent(plan),
        types: plan.types.map((type) => ({ ...type, priceMinor: 1_999 })),
      }),
    },
  },
  {
    name: 'an intent is asked for under a new key each time',
    smoke: true,
    override: makesTwice,
    caughtBy: ['G10'],
    run: { ...PAYING, ...{ slots: 2, concurrency: 12 } },
  },
  {
    name: 'a refund is asked for without a key',
    smoke: true,
    override: refundsTwice,
    caughtBy: ['G7', 'G8'],
    run: { ...PAYING, ...{ slots: 2, concurrency: 12 } },
  },
  {
    name: 'money is taken before there is a claim',
    smoke: true,
    override: capturesFirst,
    caughtBy: ['G8'],
    run: { ...LATE, ...{ slots: 2, concurrency: 12 } },
  },
  {
    name: 'a payment that cannot be cancelled counts as cancelled',
    override: cancelsAll,
    caughtBy: ['G7'],
    run: { ...PAYING, ...{ slots: 2, concurrency: 12 } },
  },
  {
    name: 'the last webhook wins',
    override: lastWebhookWins,
    caughtBy: ['G7', 'G8'],
    slow: true,
    run: { ...PAYING, ...{ slots: 2, concurrency: 12 } },
  },
];

type Planted = ReturnType<OverrideContext>;

const planted = (wrapPayments: (real: PaymentProvider) => PaymentProvider): Planted => ({
  override: {},
  wrapPayments,
  close: async () => {},
});

/** Each n-th answer is lost on its way: what was asked for has happened all the same. */
function losing(every: number) {
  let asked = 0;
  return <T>(answer: Asked<T>): Asked<T> => {
    asked += 1;
    return asked % every === 0 ? { kind: 'unknown', message: 'lost on its way' } : answer;
  };
}

/** A key for each call instead of one for each payment: what was lost is made again. */
function makesTwice(): Planted {
  const lose = losing(5);
  return planted((real) => ({
    ...real,
    createIntent: async (input) =>
      lose(await real.createIntent({ ...input, idempotencyKey: randomUUID() })),
  }));
}

/** Asked again without having looked, and under no key that the provider knows. */
function refundsTwice(): Planted {
  const lose = losing(3);
  return planted((real) => ({
    ...real,
    refund: async (input) => lose(await real.refund({ ...input, idempotencyKey: randomUUID() })),
    refundsOf: async () => ({ kind: 'ok', value: [] }),
  }));
}

/** Whoever looks takes the money; whether there is something to sell is asked afterwards. */
function capturesFirst(): Planted {
  return planted((real) => ({
    ...real,
    readIntent: async (id) => {
      const read = await real.readIntent(id);
      if (read.kind !== 'ok' || read.value.status !== 'requires_capture') return read;
      return real.captureIntent(id, `first:${id}`);
    },
  }));
}

/** A no is taken for a yes: money that was taken meanwhile is nobody's. */
function cancelsAll(): Planted {
  return planted((real) => ({
    ...real,
    cancelIntent: async (id, key) => {
      const asked = await real.cancelIntent(id, key);
      if (asked.kind !== 'refused') return asked;
      const read = await real.readIntent(id);
      if (read.kind !== 'ok') return read;
      return { kind: 'ok', value: { ...read.value, status: 'canceled', receivedMinor: 0 } };
    },
  }));
}

/** Every second webhook comes so much later; it is overtaken, and overwrites what overtook it. */
const OVERTAKEN_MS = 250;
/** One server hears them, another one settles. */
const last = new Map<string, Pick<Intent, 'status' | 'receivedMinor'>>();

/** Nobody reads: what came last is believed, whatever it overtook. */
function lastWebhookWins(): Planted {
  let heard = 0;
  return {
    ...planted((real) => ({
      ...real,
      readIntent: async (id) => {
        const read = await real.readIntent(id);
        return read.kind === 'ok'
          ? { kind: 'ok', value: { ...read.value, ...last.get(id) } }
          : read;
      },
    })),
    hearWebhook: (raw) => {
      // The sandbox's own events: an object with its type, of which only intents are kept.
      const { data } = JSON.parse(raw.toString('utf8')) as { data: { object: StripeIntent } };
      const { object, id, status, amount_received } = data.object;
      if (object !== 'payment_intent') return;
      const believe = () => void last.set(id, { status, receivedMinor: amount_received });
      heard += 1;
      if (heard % 2 === 0) believe();
      else setTimeout(believe, OVERTAKEN_MS).unref();
    },
  };
}

type StripeIntent = {
  readonly object: string;
  readonly id: string;
  readonly status: Intent['status'];
  readonly amount_received: number;
};
