import { defineMachine } from '../../kernel/states.ts';

export type SessionState = 'open' | 'purchasing' | 'completed' | 'expired' | 'abandoned';

/**
 * `purchasing`: an order stands on it, and nothing of it changes. A payment that is declined opens
 * it again, as long as there is time. A late payment that is honoured completes it after its end.
 */
export const sessionMachine = defineMachine<SessionState>({
  name: 'session',
  initial: ['open'],
  edges: {
    open: ['purchasing', 'expired', 'abandoned'],
    purchasing: ['open', 'completed', 'expired', 'abandoned'],
    completed: [],
    expired: ['completed'],
    abandoned: ['completed'],
  },
});
