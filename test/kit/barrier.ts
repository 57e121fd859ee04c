/** Holds a use case at a named point until a test lets it go on. */
export type Barrier = {
  readonly pause: (point: string) => Promise<void>;
  /** The next arrival at this point stops there; resolves when it has arrived. */
  readonly stopAt: (point: string) => { readonly arrived: Promise<void>; readonly go: () => void };
  /** The next arrival at this point dies there, as a killed process would. */
  readonly dieAt: (point: string) => void;
};

export class Died extends Error {
  override readonly name = 'Died';
}

export function barrier(): Barrier {
  const stops = new Map<string, { arrive: () => void; wait: Promise<void> }>();
  const deaths = new Set<string>();
  return {
    pause: async (point) => {
      if (deaths.delete(point)) throw new Died(point);
      const stop = stops.get(point);
      if (!stop) return;
      stops.delete(point);
      stop.arrive();
      await stop.wait;
    },
    stopAt: (point) => {
      let arrive = () => {};
      let go = () => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const wait = new Promise<void>((resolve) => {
        go = resolve;
      });
      stops.set(point, { arrive: () => arrive(), wait });
      return { arrived, go: () => go() };
    },
    dieAt: (point) => {
      deaths.add(point);
    },
  };
}
