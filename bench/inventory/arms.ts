/** The ways to hold tickets, as arms of one run: the product's and the baselines'. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { auditBaseline, auditProduct, auditRedis } from './audit.ts';
import { type Served, serveBare, serveNoHolds } from './bare-server.ts';
import {
  type Ask,
  advisoryLock,
  baselineSchema,
  conditionalUpdate,
  type Hold,
  openBaselineEvent,
  optimisticVersion,
  rowLock,
  skipLocked,
} from './baseline-ways.ts';
import type { Template } from './callers.ts';
import { asSuperuser } from './databases.ts';
import {
  type BenchEvent,
  holdBody,
  holdInside,
  holdTemplate,
  openEvent,
  POOL_CONNECTIONS,
  type Product,
  REQUESTS_PER_PERSON,
} from './product.ts';
import type { Redis } from './redis.ts';
import { openRedisEvent, readRedisEvent, redisCounter, redisLock } from './redis-ways.ts';
import type { Outcome, Tally } from './tally.ts';

/** A fresh event on which one block runs. */
export type Stage = {
  readonly act: (n: number) => Promise<Outcome>;
  readonly port: number;
  readonly templates: readonly Template[];
  /** Throws Unsound. */
  readonly audit: (tally: Tally) => Promise<void>;
};

export type Arm = {
  readonly name: string;
  readonly kind: 'ours' | 'sql' | 'redis' | 'nothing';
  readonly over: 'process' | 'http';
  readonly isDurable: boolean;
  /** Sessions that are asked to hand in their statistics. */
  readonly sessions: readonly pg.Pool[];
  /** Fewer places than the most that an event may have, where each costs a row. */
  readonly placesPerSecond: number | null;
  readonly open: (capacity: number) => Promise<Stage>;
};

const never = (): never => {
  throw new Error('this arm has no such side');
};

const OVERS = ['process', 'http'] as const;

/** Ours, through the engine's door and over HTTP as a guest; and over HTTP with an API key. */
export function ourArms(product: Product): readonly Arm[] {
  const sessions = [product.ctx.db.pool];
  const stage = (event: BenchEvent, as: 'guest' | 'key'): Stage => ({
    act: (n) => holdInside(product.ctx, event, n),
    port: product.port,
    templates: [holdTemplate(event, as)],
    audit: (tally) => auditProduct(product, event, tally, { callerIsPerson: as === 'guest' }),
  });
  const common = { kind: 'ours', isDurable: true, sessions, placesPerSecond: null } as const;
  const guest = OVERS.map((over) => ({
    ...common,
    name: OURS,
    over,
    open: async (capacity: number) => stage(await openEvent(product, capacity), 'guest'),
  }));
  const withKey = {
    ...common,
    name: OURS_WITH_KEY,
    over: 'http' as const,
    open: async (capacity: number) => stage(await openEvent(product, capacity), 'key'),
  };
  return [...guest, withKey];
}

/** Events with one place for each request of a second, as the row-per-ticket way needs them. */
const ROW_PER_TICKET_PLACES = 15_000;

export const OURS = 'ours';
export const OURS_WITH_KEY = 'ours, with an API key';
export const ROW_LOCK = 'SELECT … FOR UPDATE, update, insert';
export const SKIP_LOCKED = 'SKIP LOCKED, a row per ticket';
export const BARE_NO_OP = 'HTTP no-op, bare handler';
export const PIPELINE_NO_OP = 'HTTP no-op, full pipeline';

type Way = { readonly slug: string; readonly name: string; readonly hold: Hold };

export type Baselines = {
  readonly arms: readonly Arm[];
  readonly pool: pg.Pool;
  readonly close: () => Promise<void>;
};

/** All baselines and both no-ops, on throw-away tables in the product's own database. */
export async function openBaselines(product: Product, redis: Redis | null): Promise<Baselines> {
  await asSuperuser(product.url, (client) => client.query(baselineSchema));
  const pool = new pg.Pool({ connectionString: product.url, max: POOL_CONNECTIONS });
  // Its idle connections are told of the server's end; nobody waits for them any more.
  pool.on('error', () => {});
  const sql: readonly Way[] = [
    { slug: 'row-lock', name: ROW_LOCK, hold: rowLock(pool) },
    { slug: 'conditional', name: 'one conditional UPDATE', hold: conditionalUpdate(pool) },
    { slug: 'optimistic', name: 'optimistic version, retried', hold: optimisticVersion(pool) },
    { slug: 'advisory', name: 'pg_advisory_xact_lock(event)', hold: advisoryLock(pool) },
    { slug: SKIP, name: SKIP_LOCKED, hold: skipLocked(pool) },
  ];
  const lock = redis && {
    slug: 'redis-lock',
    name: 'Redis lock, then SQL',
    hold: redisLock(redis, conditionalUpdate(pool)),
  };
  const counter = redis && {
    slug: 'redis-lua',
    name: 'Redis Lua counter, NOT DURABLE',
    hold: await redisCounter(redis),
  };
  const ways = [...sql, ...(lock ? [lock] : []), ...(counter ? [counter] : [])];
  const served = await serveBare(Object.fromEntries(ways.map(({ slug, hold }) => [slug, hold])));
  const nothing = await openEvent(product, 1);
  const pipeline = await serveNoHolds(product.ctx, nothing.ticketTypeId, nothing.eventId);
  const sqlArms = [...sql, ...(lock ? [lock] : [])].flatMap((way) => sqlWay(way, pool, served));
  const redisArms = redis && counter ? counterWay(counter, redis, served) : [];
  const noOps = [
    noOp(BARE_NO_OP, served.port, `/nothing/events/${nothing.eventId}/holds`, nothing),
    noOp(PIPELINE_NO_OP, pipeline.port, holdTemplate(nothing).path, nothing),
  ];
  return {
    arms: [...sqlArms, ...redisArms, ...noOps],
    pool,
    close: async () => {
      await served.close();
      await pipeline.close();
      await pool.end();
    },
  };
}

const SKIP = 'skip-locked';

/** Same headers, same body, another path; the ticket type is nobody's. */
function baselineTemplate(slug: string, eventId: string): Template {
  // As long as the product's own ids.
  const event = { eventId, ticketTypeId: `tt_${'0'.repeat(37)}` } as BenchEvent;
  return { ...holdTemplate(event), path: `/${slug}/events/${eventId}/holds` };
}

const askOf = (eventId: string, n: number): Ask => ({
  eventId,
  person: `person-${Math.floor(n / REQUESTS_PER_PERSON)}`,
  key: `bench-${n}`,
});

function sqlWay({ slug, name, hold }: Way, pool: pg.Pool, served: Served): readonly Arm[] {
  const rowPerTicket = slug === SKIP;
  const open = async (capacity: number): Promise<Stage> => {
    const eventId = `evt_${randomUUID().slice(0, 13)}`;
    await openBaselineEvent(pool, eventId, { capacity, rowPerTicket });
    return {
      act: (n) => hold(askOf(eventId, n)),
      port: served.port,
      templates: [baselineTemplate(slug, eventId)],
      audit: (tally) => auditBaseline(pool, name, eventId, tally, rowPerTicket),
    };
  };
  const kind = slug === 'redis-lock' ? 'redis' : 'sql';
  const placesPerSecond = rowPerTicket ? ROW_PER_TICKET_PLACES : null;
  return OVERS.map((over) => ({
    ...{ name, kind, over, isDurable: true, sessions: [pool], placesPerSecond, open },
  }));
}

function counterWay({ slug, name, hold }: Way, redis: Redis, served: Served): readonly Arm[] {
  const open = async (capacity: number): Promise<Stage> => {
    const eventId = `evt_${randomUUID().slice(0, 13)}`;
    await openRedisEvent(redis, eventId, capacity);
    return {
      act: (n) => hold(askOf(eventId, n)),
      port: served.port,
      templates: [baselineTemplate(slug, eventId)],
      audit: async (tally) => {
        auditRedis(name, await readRedisEvent(redis, eventId), capacity, tally);
      },
    };
  };
  return OVERS.map((over) => ({
    ...{ name, kind: 'redis', over, isDurable: false, sessions: [], placesPerSecond: null, open },
  }));
}

function noOp(name: string, port: number, path: string, event: BenchEvent): Arm {
  const stage: Stage = {
    act: never,
    port,
    templates: [{ ...holdTemplate(event), path, body: holdBody(event) }],
    audit: async () => {},
  };
  return {
    ...{ name, kind: 'nothing', over: 'http', isDurable: false, sessions: [] },
    placesPerSecond: null,
    open: async () => stage,
  };
}
