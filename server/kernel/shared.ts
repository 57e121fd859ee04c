/**
 * What the processes of one installation share besides the database: counts, news and documents
 * that each could make by itself. All of it may be lost at any moment. Nobody waits long for it,
 * nothing fails because of it, and nothing that is sold depends on it.
 */
export type Shared = {
  /** There is nobody to share with. */
  readonly isAlone: boolean;
  /**
   * Adds to what all processes have counted under these names, each from its first count on for a
   * while, and answers the sums in that order; null where no answer comes in time.
   */
  readonly addUp: (
    counted: readonly { readonly name: string; readonly by: number }[],
    windowMs: number,
  ) => Promise<readonly number[] | null>;
  /** To the other processes, those that listen now; never to this one. */
  readonly tell: (topic: SharedTopic, message: string) => void;
  readonly onTold: (topic: SharedTopic, listener: (message: string) => void) => void;
  /** What some process has kept under this key; null where nothing is known of it in time. */
  readonly read: (key: string) => Promise<string | null>;
  readonly keep: (key: string, text: string, ttlMs: number) => void;
  readonly close: () => Promise<void>;
};

/** `events`: places of these have changed (ids, with commas). `facts`: there are new ones. */
export type SharedTopic = 'events' | 'facts';

export const alone: Shared = {
  isAlone: true,
  addUp: async () => null,
  tell: () => {},
  onTold: () => {},
  read: async () => null,
  keep: () => {},
  close: async () => {},
};
