/** What processes share, where all of them are in this one: the fake beside the Redis adapter. */
import type { Shared, SharedTopic } from '../../server/kernel/shared.ts';

export function sharedMemory(): { readonly join: () => Shared } {
  const sums = new Map<string, { sum: number; endsAt: number }>();
  const documents = new Map<string, { text: string; endsAt: number }>();
  const told = new Map<object, Map<SharedTopic, ((message: string) => void)[]>>();
  const now = () => performance.now();
  return {
    join: () => {
      const self = {};
      const own = new Map<SharedTopic, ((message: string) => void)[]>();
      told.set(self, own);
      return {
        isAlone: false,
        addUp: async (counted, windowMs) =>
          counted.map(({ name, by }) => {
            const known = sums.get(name);
            const one =
              known && known.endsAt > now() ? known : { sum: 0, endsAt: now() + windowMs };
            one.sum += by;
            sums.set(name, one);
            return one.sum;
          }),
        tell: (topic, message) => {
          for (const [member, listeners] of told) {
            if (member === self) continue;
            for (const listener of listeners.get(topic) ?? []) {
              queueMicrotask(() => listener(message));
            }
          }
        },
        onTold: (topic, listener) => {
          own.set(topic, [...(own.get(topic) ?? []), listener]);
        },
        read: async (key) => {
          const found = documents.get(key);
          return found && found.endsAt > now() ? found.text : null;
        },
        keep: (key, text, ttlMs) => {
          documents.set(key, { text, endsAt: now() + ttlMs });
        },
        close: async () => {
          told.delete(self);
        },
      };
    },
  };
}
