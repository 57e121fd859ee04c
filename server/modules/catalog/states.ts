import { defineMachine } from '../../kernel/states.ts';

export type EventState = 'draft' | 'published' | 'cancelled' | 'archived';

export const eventMachine = defineMachine<EventState>({
  name: 'event',
  initial: ['draft', 'published'],
  edges: {
    draft: ['published', 'cancelled'],
    published: ['cancelled', 'archived'],
    cancelled: ['archived'],
    archived: [],
  },
});
