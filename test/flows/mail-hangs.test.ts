/** D3, D8: a mail server that hangs keeps letters waiting, and nothing else. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, eventually, onSale, payWith } from '../kit/given.ts';

/** More than there are hands of any sort. */
const LETTERS = 12;
/** Far less than a server that says nothing is waited for. */
const SOON_MS = 8_000;

let silent: Server;
const sockets = new Set<Socket>();
let app: TestApp;
beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const env = { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'a@example.org', NOTIFY: 'on' };
  app = await startApp({ worker: true, env });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
  await app.close();
});

it('D3 D8 payments are settled while all letters wait for a mail server that hangs', async () => {
  const free = await onSale(app.admin, { price: 0, capacity: LETTERS });
  for (let nth = 0; nth < LETTERS; nth++) {
    const buyer = { name: 'Ada', email: `ada${nth}@example.org` };
    await book(app.guest, free.eventId, free.typeId, { method: 'simulated', buyer });
  }
  const sending = async () => {
    const { rows } = await app.ctx.db.pool.query(
      `select count(*)::int as n from kernel.job where kind = 'send_message' and attempts > 0`,
    );
    return rows[0].n as number;
  };
  // Every connection that there may be has been made, and nothing was said on any.
  await eventually(
    async () => sockets.size,
    (size) => size >= 4,
  );
  expect(await sending()).toBeGreaterThanOrEqual(4);

  const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
  const booked = await book(app.guest, eventId, typeId);
  await payWith(app, booked.body.payment.clientSecret);
  const order = await eventually(
    async () => (await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`)).body,
    ({ status }) => status === 'confirmed',
    SOON_MS,
  );
  expect(order.tickets[0].code).toMatch(/^F1/);
});
