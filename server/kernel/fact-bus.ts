/**
 * A bus: where facts are published for others, and where consumers may run as groups. The log in
 * the database stays what is true; a bus gets what is there, later and at least once. What stands
 * behind it is plugged in (adapters/kafka).
 */

/** The bus cannot be reached, or not be written to, now. Nothing is lost by waiting. */
export class BusAway extends Error {
  override readonly name = 'BusAway';
}

export type BusMessage = {
  readonly topic: string;
  /** Messages of one key are in order. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
};

/** How far somebody is in each partition of a topic. */
export type BusOffsets = ReadonlyMap<number, bigint>;

export type BusGroup = {
  readonly name: string;
  readonly topic: string;
  /**
   * Messages of one partition, in order. They are done when it resolves; where it throws, they come
   * again, to this process or another one.
   */
  readonly handle: (messages: readonly BusMessage[]) => Promise<void>;
};

export type BusSubscription = { readonly stop: () => Promise<void> };

export type FactBus = {
  /** Resolves when it can be written to. Throws BusAway, with a sentence for its operator. */
  readonly prepare: () => Promise<void>;
  /**
   * Resolves when the bus has all of them for good. Throws BusAway where it may work later, with
   * part of them published perhaps; anything else says that one of them can never be published.
   */
  readonly publish: (messages: readonly BusMessage[]) => Promise<void>;
  /** From the first message that the bus has on, where it does not remember the group. */
  readonly subscribe: (group: BusGroup) => BusSubscription;
  /** Where the next messages of a topic will be; partitions that have none are left out. */
  readonly endOf: (topic: string) => Promise<BusOffsets>;
  /** Up to where a group has handled a topic; nothing where it has never been. */
  readonly handledBy: (group: string, topic: string) => Promise<BusOffsets>;
  readonly close: () => Promise<void>;
};
