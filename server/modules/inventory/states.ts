import { defineMachine } from '../../kernel/states.ts';

export type HoldState = 'active' | 'claimed' | 'sold' | 'released' | 'lapsed';

/**
 * A hold keeps places until it lapses. Claimed, it cannot lapse: a payment is being taken, and only
 * its end (sold, or released without money) ends the claim. One that had ended is claimed again by
 * a late payment, where its places can still be had. See sell.fn.sql and free.fn.sql.
 */
export const holdMachine = defineMachine<HoldState>({
  name: 'hold',
  initial: ['active'],
  edges: {
    active: ['claimed', 'released', 'lapsed'],
    claimed: ['sold', 'released'],
    sold: [],
    released: ['claimed'],
    lapsed: ['claimed'],
  },
});
