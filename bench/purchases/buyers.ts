/**
 * Buyers, each with a purchase of their own at a time: book, pay by card at the provider as a
 * browser does, and read the order once its tickets are there. In the process of the server, so
 * their work is in every arm alike.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { present } from '../../server/kernel/result.ts';
import { API_PREFIX } from '../../server/sandbox/index.ts';
import type { Bought, Shop } from './shop.ts';

const HOST = '127.0.0.1';
const CARD = 'pm_card_visa';

export type Purchases = {
  readonly done: number;
  readonly seconds: number;
  /** From the booking to the tickets, milliseconds. */
  readonly wholeMs: readonly number[];
  /** From the answer to the capture to the tickets in the buyer's hands, milliseconds. */
  readonly ticketsMs: readonly number[];
};

/** `count` purchases by so many buyers; throws at the first that does not end well. */
export async function buyAll(shop: Shop, count: number, buyers: number): Promise<Purchases> {
  const agent = new Agent({ keepAlive: true, maxSockets: buyers });
  const wholeMs: number[] = [];
  const ticketsMs: number[] = [];
  let begun = 0;
  const startedAt = performance.now();
  const buyer = async () => {
    while (begun < count) {
      begun += 1;
      const bookedAt = performance.now();
      const { orderId, clientSecret, accessToken } = await book(shop, agent, begun);
      const intentId = clientSecret.replace(/_secret_.*$/, '');
      const confirmed = shop.confirmed(orderId);
      await pay(shop, agent, intentId, clientSecret);
      await confirmed;
      await readTickets(shop, agent, orderId, accessToken);
      const seenAt = performance.now();
      wholeMs.push(seenAt - bookedAt);
      const capturedAt = present(shop.traffic.capturedAt(intentId), 'the capture of a sale');
      ticketsMs.push(seenAt - capturedAt);
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyer));
  agent.destroy();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { done: wholeMs.length, seconds, wholeMs, ticketsMs };
}

type Headers = Readonly<Record<string, string>>;
type Asked = { readonly method: string; readonly path: string; readonly headers: Headers };

async function book(shop: Shop, agent: Agent, n: number): Promise<Bought> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const answer = await exchange(
    shop,
    agent,
    { method: 'POST', path: shop.path, headers },
    shop.body(n),
  );
  // As every shop of this bench answers; what is missing is found by its use.
  const booked = answer as {
    readonly order: { readonly id: string };
    readonly payment: { readonly clientSecret: string };
    readonly accessToken: string;
  };
  return {
    orderId: booked.order.id,
    clientSecret: booked.payment.clientSecret,
    accessToken: booked.accessToken,
  };
}

async function pay(
  shop: Shop,
  agent: Agent,
  intentId: string,
  clientSecret: string,
): Promise<void> {
  const headers = {
    authorization: `Bearer ${shop.publishableKey}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  const path = `${API_PREFIX}/v1/payment_intents/${intentId}/confirm`;
  const form = new URLSearchParams({ client_secret: clientSecret, payment_method: CARD });
  await exchange(shop, agent, { method: 'POST', path, headers }, form.toString());
}

async function readTickets(
  shop: Shop,
  agent: Agent,
  orderId: string,
  accessToken: string,
): Promise<void> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const path = `/api/v1/orders/${orderId}`;
  const answer = await exchange(shop, agent, { method: 'GET', path, headers }, '');
  // As above.
  const order = answer as { readonly status: string; readonly tickets: { code: string | null }[] };
  if (order.status !== 'confirmed' || !order.tickets[0]?.code) {
    throw new Error(`an order without tickets: ${JSON.stringify(order)}`);
  }
}

function exchange(shop: Shop, agent: Agent, asked: Asked, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { method, path } = asked;
    const headers = { ...asked.headers, 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(
      { host: HOST, port: shop.port, agent, method, path, headers },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if ((answer.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        });
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
