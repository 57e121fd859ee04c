/**
 * What a buyer of this bench meets: a server that books, a provider that takes the card, and the
 * order that is read once its tickets are there. The exchanges over HTTP are counted by where they
 * go; the moment of each capture is noted by its intent.
 */
import type { Server } from 'node:http';

export type Bought = {
  readonly orderId: string;
  readonly clientSecret: string;
  readonly accessToken: string;
};

export type Shop = {
  readonly port: number;
  /** Of the provider's simulator, for a buyer's browser. */
  readonly publishableKey: string;
  /** Of the bookings. */
  readonly path: string;
  readonly body: (n: number) => string;
  /** Resolves once the order's tickets are there. */
  readonly confirmed: (orderId: string) => Promise<void>;
  readonly traffic: Traffic;
  /** Throws where the books do not balance. */
  readonly audit: (purchases: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Traffic = {
  /** How many exchanges there were, by what they are. */
  readonly counts: () => ReadonlyMap<string, number>;
  /** When the capture of this intent was answered, as performance.now() counts; null: not yet. */
  readonly capturedAt: (intentId: string) => number | null;
};

const CAPTURE = /\/payment_intents\/([^/]+)\/capture$/;

export function watchTraffic(server: Server): Traffic {
  const counts = new Map<string, number>();
  const captures = new Map<string, number>();
  server.on('request', (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const name = `${request.method} ${nameOf(path)}`;
    response.once('finish', () => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const intentId = CAPTURE.exec(path)?.[1];
      if (intentId) captures.set(intentId, performance.now());
    });
  });
  return { counts: () => counts, capturedAt: (intentId) => captures.get(intentId) ?? null };
}

/** The path without what names one object. */
function nameOf(path: string): string {
  return path.replace(/\/(?:evt|ord|pi|ch|re)_[^/]+/g, '/…');
}

/** Waits that end when somebody says that an order is confirmed, before or after. */
export function openWaits() {
  const waiting = new Map<string, () => void>();
  return {
    confirmed: (orderId: string) =>
      new Promise<void>((resolve) => void waiting.set(orderId, resolve)),
    ids: () => [...waiting.keys()],
    tell: (orderId: string) => {
      waiting.get(orderId)?.();
      waiting.delete(orderId);
    },
  };
}
