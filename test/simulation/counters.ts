/**
 * "Sometimes" counters: a check that finds nothing says little unless the states were reached in
 * which it could have found something. Each planned state is counted, and a run that has not been
 * everywhere fails.
 */
const PLANNED = {
  // Reached by a run of some thousand operations.
  hold_granted: 'often',
  hold_of_several_types: 'often',
  hold_refused_sold_out: 'often',
  sold_out_proved_true: 'often',
  hold_refused_per_person: 'often',
  hold_refused_without_buyer: 'often',
  hold_lapsed_reclaimed_by_demand: 'often',
  hold_lapsed_swept: 'often',
  hold_extended: 'seldom',
  seats_granted: 'often',
  seat_taken_answered: 'often',
  best_available_granted: 'often',
  best_available_scattered: 'seldom',
  seats_sold_out_answered: 'seldom',
  places_blocked: 'often',
  block_refused_not_free: 'seldom',
  places_reserved_for_the_waitlist: 'seldom',
  offer_granted: 'seldom',
  hold_changed: 'often',
  hold_change_refused_and_kept: 'often',
  hold_released: 'often',
  hold_acted_on_after_its_end: 'often',
  key_replayed_while_in_flight: 'often',
  key_replayed_after: 'often',
  key_replayed_after_the_end_of_its_hold: 'often',
  key_reused_and_refused: 'often',
  booking_replayed: 'often',
  order_confirmed_free: 'often',
  order_confirmed_paid: 'often',
  order_declined: 'often',
  order_never_paid: 'often',
  order_cancelled_by_buyer: 'often',
  order_refunded_whole: 'often',
  order_refunded_in_part: 'often',
  sale_paused_and_refused: 'often',
  sale_closed_and_refused: 'often',
  sale_cancelled_and_refused: 'often',
  capacity_raised: 'often',
  capacity_lowered: 'often',
  capacity_below_committed_refused: 'often',
  event_audited_whole: 'often',
  answer_lost: 'often',
  answer_lost_but_done: 'often',
  connection_killed: 'often',
  lock_held_by_another: 'often',
  provider_fault_struck: 'often',
  // Reached by a long run.
  answer_lost_and_not_done: 'seldom',
  webhook_fault_struck: 'seldom',
  busy_answered: 'seldom',
  deadlock_provoked: 'seldom',
  process_killed_and_recovered: 'seldom',
  process_frozen_and_recovered: 'seldom',
  job_lease_ended_early: 'seldom',
  capture_after_the_order_ended_refunded: 'seldom',
  late_payment_honoured: 'seldom',
  refund_bounced: 'seldom',
  paid_on_the_page: 'often',
  bank_was_content: 'seldom',
  claim_ended_without_a_sale: 'seldom',
  payment_in_progress_answered: 'seldom',
  refund_window_closed_answered: 'seldom',
  event_cancelled_with_orders: 'seldom',
} as const;

export type State = keyof typeof PLANNED;

/** How often each state must have been reached, by the size of the run. */
export const FULL_MIN = 100;
const SMOKE_MIN = 1;

export type Demand = 'full' | 'smoke' | 'none';

export type Counters = {
  readonly count: (state: State, times?: number) => void;
  readonly values: () => Readonly<Record<State, number>>;
  /** The states that were not reached often enough. */
  readonly missing: (demand: Demand) => readonly State[];
};

// The keys of the table above, which has no others.
const STATES = Object.keys(PLANNED) as State[];

export function createCounters(): Counters {
  const values = new Map<State, number>(STATES.map((state) => [state, 0]));
  return {
    count: (state, times = 1) => {
      values.set(state, (values.get(state) ?? 0) + times);
    },
    // Made from the list of all states.
    values: () => Object.fromEntries(values) as Record<State, number>,
    missing: (demand) =>
      STATES.filter((state) => (values.get(state) ?? 0) < leastOf(state, demand)),
  };
}

function leastOf(state: State, demand: Demand): number {
  if (demand === 'none') return 0;
  if (demand === 'full') return FULL_MIN;
  return PLANNED[state] === 'often' ? SMOKE_MIN : 0;
}

export function printCounters(values: Readonly<Record<State, number>>): readonly string[] {
  const widest = Math.max(...STATES.map((state) => state.length));
  return STATES.map((state) => `  ${state.padEnd(widest)} ${String(values[state]).padStart(9)}`);
}
