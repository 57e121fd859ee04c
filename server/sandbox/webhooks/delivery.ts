/**
 * Delivers webhooks, and does what is due by itself. Any number of processes may run it: a delivery
 * is leased, so it is sent by one of them, and again by another if that one dies. At least once, in
 * no promised order; a failure is tried again after 1 s, 2 s, 4 s, …, an hour, and given up after
 * MAX_ATTEMPTS. Retries run on real time, because receivers do; an attempt is signed with the
 * simulator's time, because the platform that checks its age lives by the same clock.
 */
import { all, isAway, one } from '../../kernel/db.ts';
import { forgetOld, msUntilDue, runDue } from '../due.ts';
import { API_VERSION, nowS, type World } from '../world.ts';
import { leaseDeliveries, markDelivered, markFailed, nextDelivery } from './delivery.sql.ts';
import { signatureHeader } from './signature.ts';

const MAX_IN_FLIGHT = 32;
/** More are fetched only when this few are left: one look at the table for many deliveries. */
const FETCH_BELOW = 16;
const MAX_ATTEMPTS = 16;
const MAX_RETRY_MS = 3_600_000;
const TIMEOUT_MS = 10_000;
/** Longer than an attempt can take, or two processes would deliver the same. */
const LEASE_MS = 3 * TIMEOUT_MS;
/** How soon a process finds what another one has made. */
const POLL_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;

/** Sends one webhook; returns the HTTP status of the receiver. Throws where nobody answers. */
export type Post = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<number>;

export type DeliveryOptions = { readonly post: Post; readonly retryBaseMs: number };

export type Delivery = { readonly wake: () => void; readonly stop: () => Promise<void> };

/** A redirect is a failure, as at Stripe: it is not followed. */
export const postByFetch: Post = async (url, headers, body) => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  await response.body?.cancel();
  return response.status;
};

type Leased = {
  readonly id: number;
  readonly attempts: number;
  readonly endpointId: string;
  readonly url: string;
  readonly body: unknown;
};

export function startDelivery(world: World, options: DeliveryOptions): Delivery {
  const alarm = createAlarm();
  const inFlight = new Set<Promise<void>>();
  let stopped = false;
  let forgetAtMs = 0;

  async function sendDue(): Promise<void> {
    while (!stopped) {
      if (inFlight.size > FETCH_BELOW) {
        await Promise.race(inFlight);
        continue;
      }
      const free = MAX_IN_FLIGHT - inFlight.size;
      const leased = await all(world.db, leaseDeliveries(free, LEASE_MS));
      if (leased.length === 0) return;
      for (const delivery of leased) {
        const sending = deliver(world, options, delivery).then((arrived) => {
          inFlight.delete(sending);
          // The loop may be asleep until later than the retry is due.
          if (!arrived) alarm.ring();
        });
        inFlight.add(sending);
      }
    }
  }

  async function round(): Promise<number> {
    await runDue(world).catch(report);
    await sendDue();
    if (world.nowMs() >= forgetAtMs) {
      await forgetOld(world);
      forgetAtMs = world.nowMs() + FORGET_EVERY_MS;
    }
    const { waitMs } = await one(world.db, nextDelivery());
    return Math.max(0, Math.min(POLL_MS, waitMs, await msUntilDue(world)));
  }

  /** Nobody is above to tell: a database that is away comes back, a bug must be seen. */
  function report(error: unknown): number {
    world.log[isAway(error) ? 'warn' : 'error']({ err: error }, 'sandbox delivery failed');
    return POLL_MS;
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      const waitMs = await round().catch(report);
      await alarm.wait(waitMs);
    }
    await Promise.all(inFlight);
  }

  const running = loop();
  return {
    wake: alarm.ring,
    stop: async () => {
      stopped = true;
      alarm.ring();
      await running;
    },
  };
}

/** Whether it arrived. Never throws: the lease brings back what could not be recorded. */
async function deliver(world: World, options: DeliveryOptions, leased: Leased): Promise<boolean> {
  const { id, attempts } = leased;
  const outcome = await send(world, options.post, leased);
  const arrived = typeof outcome === 'number' && outcome >= 200 && outcome < 300;
  const shown = typeof outcome === 'number' ? `HTTP ${outcome}` : outcome;
  const lost = attempts >= MAX_ATTEMPTS;
  const retryMs = Math.min(MAX_RETRY_MS, options.retryBaseMs * 2 ** (attempts - 1));
  const mark = arrived
    ? markDelivered(id, attempts, shown)
    : markFailed(id, attempts, shown, lost ? null : retryMs);
  if (!arrived && lost) world.log.warn({ delivery: id, outcome: shown }, 'webhook given up');
  await all(world.db, mark).catch((error: unknown) => {
    world.log.warn({ err: error, delivery: id }, 'a webhook attempt could not be recorded');
  });
  return arrived;
}

async function send(world: World, post: Post, leased: Leased): Promise<number | string> {
  const body = JSON.stringify(leased.body);
  const secret = world.webhookSecretOf(leased.endpointId);
  try {
    return await post(
      leased.url,
      {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': signatureHeader(secret, nowS(world), body),
        'user-agent': `Stripe/1.0 (sandbox; ${API_VERSION})`,
      },
      body,
    );
  } catch (error) {
    return error instanceof Error ? error.message : 'failed';
  }
}

/** Waits for a time or a ring, whichever is first; a ring before the wait ends it at once. */
function createAlarm() {
  let rung = false;
  let end: (() => void) | null = null;
  return {
    ring: () => {
      rung = true;
      end?.();
    },
    wait: async (ms: number) => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      end = null;
      rung = false;
    },
  };
}
