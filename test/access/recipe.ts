/** One way to ask for a route, and the usual ones for what happens to an event. */
import type { Asked, Variant } from './expected.ts';
import { makeEvent, type Organizer, type World } from './world.ts';

export type Made = {
  /** Values of the address's parameters, by name. */
  readonly ids: Readonly<Record<string, string>>;
  /** Ids that take the place of the example's, by prefix. */
  readonly inBody?: Readonly<Record<string, string>>;
  /** Members of the body that differ from the example's. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: string;
};

export type Recipe = Asked & {
  readonly variants: readonly Variant[];
  /** Whether a request that is granted uses up what was made for it. */
  readonly isUsedUp: boolean;
  readonly make: (world: World, organizer: Organizer, variant: Variant) => Promise<Made>;
};

export const nothing: Recipe = {
  thing: 'none',
  variants: ['none'],
  isUsedUp: false,
  make: async () => ({ ids: {} }),
};

type EventOf = Awaited<ReturnType<typeof makeEvent>>;

/** For something that happens to an event that was made with `more`. */
export function ofEvent(
  options: {
    readonly more?: Record<string, unknown>;
    readonly ids?: (event: EventOf) => Record<string, string>;
    readonly body?: (event: EventOf) => Record<string, unknown>;
    readonly before?: (organizer: Organizer, event: EventOf, world: World) => Promise<void>;
    readonly variants?: readonly Variant[];
    readonly isUsedUp?: boolean;
  } = {},
): Recipe {
  return {
    thing: 'event',
    variants: options.variants ?? ['ours', 'theirs', 'unknown'],
    isUsedUp: options.isUsedUp ?? true,
    make: async (world, organizer, variant) => {
      const draft = variant === 'draft' ? { publish: false } : {};
      const event = await makeEvent(organizer, { ...options.more, ...draft });
      await options.before?.(organizer, event, world);
      return {
        ids: { id: event.id, ...options.ids?.(event) },
        inBody: { tt: event.typeId, pool: event.poolId },
        ...(options.body ? { body: options.body(event) } : {}),
      };
    },
  };
}

export const seen: readonly Variant[] = ['ours', 'theirs', 'draft', 'unknown'];
export const nested: readonly Variant[] = ['ours', 'theirs', 'mixed', 'unknown'];
