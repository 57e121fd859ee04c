/**
 * One floor plan taken, one event made in it twice, and its seat map, over HTTP in memory: whole
 * requests, from their text to their answer.
 */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FloorPlan } from '../../server/modules/venues/floor-plan.ts';
import { ADMIN_KEY, type Product } from '../inventory/product.ts';

const DAY_MS = 86_400_000;
const STALL_RESOLUTION_MS = 1;
/** A stall is noted by the first timer after it. */
const STALL_NOTED_MS = 20;

export type Measured = {
  readonly importMs: number;
  /** The longest time in which the process could do nothing else. */
  readonly importStallMs: number;
  /** Of a plan that this process has not read yet. */
  readonly createMs: number;
  readonly createStallMs: number;
  /** Of one that it has in memory. */
  readonly createAgainMs: number;
  readonly mapMs: number;
  /** What travels, by what the client takes. */
  readonly mapBytes: Readonly<Record<'br' | 'gzip' | 'identity', number>>;
  readonly seats: number;
};

export async function measurePlan(product: Product, plan: FloorPlan): Promise<Measured> {
  const venue = await post(product, '/venues', { name: randomUUID(), timezone: 'Europe/Kyiv' });
  const document = { name: 'Bowl', validFrom: '2024-01-01T00:00:00Z', ...plan };
  const taken = await timed(() => post(product, `/venues/${venue.id}/configurations`, document));
  const event = eventIn(taken.answer.id, plan);
  const first = await timed(() => post(product, '/events', event));
  const again = await timed(() => post(product, '/events', event));
  const url = `/api/v1/events/${first.answer.id}/seat-map`;
  const map = (coding: string) =>
    product.parts.app.inject({ url, headers: { 'accept-encoding': coding } });
  const drawn = await timed(() => map('br'));
  const bytes = async (coding: string) => (await map(coding)).rawPayload.length;
  return {
    importMs: taken.tookMs,
    importStallMs: taken.stallMs,
    createMs: first.tookMs,
    createStallMs: first.stallMs,
    createAgainMs: again.tookMs,
    mapMs: drawn.tookMs,
    mapBytes: {
      br: drawn.answer.rawPayload.length,
      gzip: await bytes('gzip'),
      identity: await bytes('identity'),
    },
    seats: Number(drawn.answer.headers['x-seat-count']),
  };
}

function eventIn(configurationId: string, { sections }: FloorPlan) {
  const categories = new Set(sections.map(({ category }) => category));
  return {
    name: 'Bench night',
    startsAt: new Date(Date.now() + 30 * DAY_MS).toISOString(),
    timezone: 'Europe/Kyiv',
    currency: 'EUR',
    configurationId,
    ticketTypes: [...categories].map((name) => ({
      name,
      price: { amount: 2_500, currency: 'EUR' },
      seatCategories: [name],
    })),
  };
}

async function timed<T>(work: () => Promise<T>) {
  const stalls = monitorEventLoopDelay({ resolution: STALL_RESOLUTION_MS });
  stalls.enable();
  const startedAt = performance.now();
  const answer = await work();
  const tookMs = performance.now() - startedAt;
  await sleep(STALL_NOTED_MS);
  stalls.disable();
  return { answer, tookMs, stallMs: stalls.max / 1e6 };
}

/** Throws where nothing was made. */
async function post({ parts }: Product, path: string, body: object): Promise<{ id: string }> {
  const answer = await parts.app.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'idempotency-key': randomUUID(),
      'content-type': 'application/json',
    },
    payload: JSON.stringify(body),
  });
  if (answer.statusCode !== 201) throw new Error(`${path}: ${answer.body}`);
  return answer.json<{ id: string }>();
}
