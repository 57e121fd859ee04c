/** D3: books that are read for minutes keep payments waiting for nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, eventually, onSale, payWith } from '../kit/given.ts';

/** More than there are hands of any sort. */
const ACCOUNTS = 24;
/** Far less than a provider that says nothing is waited for. */
const SOON_MS = 8_000;

let app: TestApp;
let asked = 0;
let answerAll = () => {};
const answered = new Promise<void>((resolve) => {
  answerAll = resolve;
});
beforeAll(async () => {
  app = await startApp({ worker: true });
  const { payments } = app.ctx.ports;
  const of: typeof payments.of = (account) => ({
    ...payments.of(account),
    balanceTransactions: async () => {
      asked += 1;
      await answered;
      return { kind: 'unknown', message: 'the provider hangs' };
    },
  });
  Object.defineProperty(app.ctx.ports, 'payments', { value: { ...payments, of } });
});
afterAll(async () => {
  answerAll();
  await app.close();
});

it('D3 payments are settled while the books of all accounts wait for the provider', async () => {
  await app.ctx.db.pool.query(
    `insert into kernel.job (kind, key, data)
     select 'tie_out_account', 'day ' || n,
       jsonb_build_object('day', (current_date - 1)::text, 'account', 'acct_' || n)
     from generate_series(1, $1::int) as n`,
    [ACCOUNTS],
  );
  await eventually(
    async () => asked,
    (times) => times > 0,
  );
  const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
  const booked = await book(app.guest, eventId, typeId);
  await payWith(app, booked.body.payment.clientSecret);
  const order = await eventually(
    async () => (await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`)).body,
    ({ status }) => status === 'confirmed',
    SOON_MS,
  );
  expect(order.tickets).toHaveLength(1);
});
