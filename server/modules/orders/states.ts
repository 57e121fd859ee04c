import { defineMachine } from '../../kernel/states.ts';

export type OrderState =
  | 'pending'
  | 'confirmed'
  | 'failed'
  | 'cancelled'
  | 'partially_refunded'
  | 'refunded';

/**
 * `failed`: the payment failed. `cancelled`: given up or expired, or the event was cancelled with
 * another remedy than money. `cancelled -> confirmed`: a late payment that was honoured.
 */
export const orderMachine = defineMachine<OrderState>({
  name: 'order',
  initial: ['pending'],
  edges: {
    pending: ['confirmed', 'failed', 'cancelled'],
    cancelled: ['confirmed'],
    confirmed: ['partially_refunded', 'refunded', 'cancelled'],
    partially_refunded: ['refunded', 'cancelled'],
    failed: [],
    refunded: [],
  },
});

export type TicketState = 'pending_capture' | 'valid' | 'redeemed' | 'listed' | 'void';

/** A code is shown from `valid` on; `void` says why and is the end. */
export const ticketMachine = defineMachine<TicketState>({
  name: 'ticket',
  initial: ['pending_capture', 'valid'],
  edges: {
    pending_capture: ['valid', 'void'],
    valid: ['redeemed', 'listed', 'void'],
    listed: ['valid', 'void'],
    redeemed: ['void'],
    void: [],
  },
});

export type Remedy = 'refund' | 'credit' | 'voucher' | 'keep';

export type RemedyState = 'offered' | 'chosen' | 'done' | 'withdrawn';

/**
 * What a buyer gets where their event is cancelled or moved. `chosen`: decided for good, and
 * something is left to do that is not of its event: credit to issue, a place to take or to let go.
 * `withdrawn`: there was nothing to remedy any more, or a later change offers anew.
 */
export const remedyMachine = defineMachine<RemedyState>({
  name: 'remedy',
  initial: ['offered'],
  edges: {
    offered: ['chosen', 'done', 'withdrawn'],
    chosen: ['done', 'withdrawn'],
    done: [],
    withdrawn: [],
  },
});
