/**
 * How clients ask: through some server, and where no answer comes again through another one, with
 * the same key. Whatever an answer says is held against what was said before under that key.
 */
import type pg from 'pg';
import type { Violation } from './auditor.ts';
import type { Counters } from './counters.ts';
import {
  type Ask,
  type EventHistory,
  type Hold,
  mayBeSoldOut,
  noteUnsure,
  type Order,
} from './history.ts';
import type { DoorInstance, Instance } from './instances.ts';
import { failuresHeard } from './server-log.ts';
import { type Answer, Lost, type Request } from './wire.ts';

export type Run = {
  readonly instances: readonly Instance[];
  /** Those of them that are in this process, asked without HTTP; none in some runs. */
  readonly doors: readonly DoorInstance[];
  readonly pool: pg.Pool;
  readonly counters: Counters;
  readonly keys: { readonly publishable: string; readonly secret: string };
  readonly report: (violation: Violation, rows?: readonly object[]) => void;
  /** How long to wait before the n-th attempt more; null to give up. */
  readonly againAfterMs: (attempt: number) => number | null;
  /** Answers by status and code. */
  readonly answers: Map<string, number>;
  /** Aborted when the run ends: what still tries something again stops then. */
  readonly over: AbortSignal;
};

export type Heard = {
  readonly answer: Answer | null;
  /** How many attempts may have taken effect unheard. */
  readonly lost: number;
  readonly sentAtMs: number;
  readonly heardAtMs: number;
};

type Json = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): Json {
  // Checked here: what is not null and an object has members by name.
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
export const asNumber = (value: unknown): number => (typeof value === 'number' ? value : 0);
export const codeOf = (answer: Answer | null): string => asText(asObject(answer?.body)['code']);

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Sends until an answer comes that says what happened; through the next server each time. */
export async function send(
  run: Run,
  first: number,
  request: Request,
  instances: readonly Instance[] = run.instances,
): Promise<Heard> {
  let lost = 0;
  let answer: Answer | null = null;
  let sentAtMs = Date.now();
  for (let attempt = 0; ; attempt++) {
    const waitMs = attempt === 0 ? 0 : run.againAfterMs(attempt);
    if (waitMs === null) break;
    if (waitMs > 0) await pause(waitMs);
    const instance = instances[(first + attempt) % instances.length];
    sentAtMs = Date.now();
    answer = await sendOnce(run, instance, request);
    const code = codeOf(answer);
    if (answer !== null && code !== 'unavailable' && code !== 'request_in_flight') break;
    if (code !== 'request_in_flight') {
      lost += 1;
      run.counters.count('answer_lost');
    }
    answer = null;
  }
  return { answer, lost, sentAtMs, heardAtMs: Date.now() };
}

async function sendOnce(
  run: Run,
  instance: Instance | undefined,
  request: Request,
): Promise<Answer | null> {
  if (!instance) throw new Error('no server to ask');
  try {
    const answer = await instance.wire.send(request);
    const code = codeOf(answer);
    const name = `${answer.status} ${code}`.trim();
    run.answers.set(name, (run.answers.get(name) ?? 0) + 1);
    if (code === 'busy') run.counters.count('busy_answered');
    // A server may be busy or cut off, never at a loss.
    if (answer.status >= 500 && answer.status !== 503 && !request.path.startsWith('/sandbox')) {
      const detail = `${request.method} ${request.path}: ${answer.status} ${code}`;
      run.report(
        { check: 'ANSWER', eventId: '', objectId: '', detail },
        failuresHeard().map((line) => ({ line })),
      );
      return null;
    }
    return answer;
  } catch (error) {
    if (error instanceof Lost) return null;
    throw error;
  }
}

/** What of an answer to a hold or a booking must be the same at every repetition. */
function lasting(ask: Ask, body: Json): string {
  if (ask.kind === 'hold') {
    return JSON.stringify([body['id'], body['expiresAt'], body['items'], body['total']]);
  }
  const order = asObject(body['order']);
  // Its end may come later than it was said first: while the buyer's bank is at it.
  return JSON.stringify([order['id'], order['items'], order['total']]);
}

export function complain(
  run: Run,
  event: EventHistory,
  check: string,
  objectId: string,
  detail: string,
): void {
  run.report({ check, eventId: event.eventId, objectId, detail });
}

/**
 * Notes one answer to a hold or a booking. Returns whether it was granted. A refusal says nothing
 * about an earlier attempt whose answer was lost: that one may still be under way.
 */
export function noteAnswer(run: Run, event: EventHistory, ask: Ask, heard: Heard): boolean {
  const { answer, lost, sentAtMs, heardAtMs } = heard;
  ask.lastAtMs = Math.max(ask.lastAtMs, heardAtMs);
  if (answer?.status === 201) {
    noteGranted(run, event, ask, answer, heard);
    return true;
  }
  const unsure = answer === null || lost > 0 || answer.status === 503;
  const before = ask.grantedAtMs;
  if (answer && answer.status < 500 && before !== null && before < sentAtMs) {
    complain(run, event, 'G14', ask.key, `granted before, now ${codeOf(answer)}`);
  }
  if (ask.state !== 'granted')
    ask.state = unsure || ask.state === 'unknown' ? 'unknown' : 'refused';
  // What a booking has held before it was refused stays held for its time.
  if (ask.kind === 'booking' && ask.state === 'refused' && !isHoldRefusal(codeOf(answer))) {
    ask.state = 'unknown';
  }
  noteUnsure(event, ask);
  if (answer) noteRefusal(run, event, ask, codeOf(answer), heard);
  return false;
}

const isHoldRefusal = (code: string) =>
  /^(sold_out|per_person_limit|buyer_required|sale_\w+|event_cancelled)$/.test(code);

function noteGranted(
  run: Run,
  event: EventHistory,
  ask: Ask,
  answer: Answer,
  { lost, sentAtMs, heardAtMs }: Heard,
): void {
  const body = asObject(answer.body);
  const said = lasting(ask, body);
  if (ask.answer !== null && ask.answer !== said) {
    complain(run, event, 'G14', ask.key, `first ${ask.answer}, then ${said}`);
  }
  if (ask.answer !== null) return;
  ask.answer = said;
  ask.grantedAtMs = heardAtMs;
  ask.state = 'granted';
  noteUnsure(event, ask);
  const isHold = ask.kind === 'hold';
  const expiresAtMs = Date.parse(
    asText(isHold ? body['expiresAt'] : asObject(body['order'])['expiresAt']),
  );
  if (lost > 0 && expiresAtMs - event.plan.holdMs < sentAtMs - 5) {
    run.counters.count('answer_lost_but_done');
  }
  if (isHold) {
    addHold(event, ask, asText(body['id']), expiresAtMs);
    run.counters.count('hold_granted');
    if (ask.lines.length > 1) run.counters.count('hold_of_several_types');
    if (ask.offered) run.counters.count('offer_granted');
    noteSeats(run, event, ask, body);
  }
}

export function addHold(
  event: EventHistory,
  ask: Ask,
  holdId: string | null,
  expiresAtMs: number,
): Hold {
  const hold: Hold = {
    ask,
    holdId,
    expiresAtMs,
    people: new Map(ask.people.map((person) => [person, 0])),
    selections: [{ lines: ask.lines, seats: null, untilMs: Number.POSITIVE_INFINITY }],
    touched: false,
    changing: false,
    mayOutlive: false,
    releasedAtMs: null,
    order: null,
  };
  ask.hold = hold;
  event.holds.push(hold);
  event.occupying.push(hold);
  return hold;
}

/** Which seats a line got; those that were left to us may be scattered. */
function noteSeats({ counters }: Run, event: EventHistory, ask: Ask, body: Json): void {
  const seats = seatsOf(body);
  const selection = ask.hold?.selections[0];
  if (selection) selection.seats = seats;
  if (seats.length === 0) return;
  counters.count('seats_granted');
  for (const [n, line] of ask.lines.entries()) {
    if (line.seated !== 'best') continue;
    const given = asList(asObject(asList(body['items'])[n])['seats']).map(asText);
    counters.count(
      areNeighbours(event, given) ? 'best_available_granted' : 'best_available_scattered',
    );
  }
}

export const seatsOf = (body: Json): readonly string[] =>
  asList(body['items']).flatMap((item) => asList(asObject(item)['seats']).map(asText));

/** A grid's seats are counted row by row. */
function areNeighbours({ plan }: EventHistory, seats: readonly string[]): boolean {
  const at = seats
    .map((seat) => seat.split('-').map(Number))
    .map(([, row = 0, place = 0]) => row * 1_000 + place)
    .toSorted((a, b) => a - b);
  return plan.grid !== null && at.every((seat, n) => n === 0 || seat === (at[n - 1] ?? 0) + 1);
}

function noteRefusal(
  run: Run,
  event: EventHistory,
  ask: Ask,
  code: string,
  { lost, sentAtMs, heardAtMs }: Heard,
): void {
  const { counters } = run;
  if (code === 'per_person_limit') counters.count('hold_refused_per_person');
  if (code === 'buyer_required') counters.count('hold_refused_without_buyer');
  if (code === 'sale_paused') counters.count('sale_paused_and_refused');
  if (code === 'sale_closed') counters.count('sale_closed_and_refused');
  if (code === 'event_cancelled') counters.count('sale_cancelled_and_refused');
  if (code === 'seat_taken') counters.count('seat_taken_answered');
  if (code !== 'sold_out' || ask.offered) return;
  if (ask.lines.some(({ seated }) => seated)) counters.count('seats_sold_out_answered');
  counters.count('hold_refused_sold_out');
  if (lost > 0 || ask.lines.length === 0) return;
  if (mayBeSoldOut(event, ask, sentAtMs, heardAtMs)) {
    counters.count('sold_out_proved_true');
    return;
  }
  const wanted = JSON.stringify(ask.lines.map(({ seatIds, ...line }) => line));
  const places = JSON.stringify(event.pools.map(({ poolId, ...pool }) => pool));
  const detail =
    `"sold out", although its places were free for all that clients know: ` +
    `${wanted} asked for in ${heardAtMs - sentAtMs} ms of ${places}`;
  complain(run, event, 'G5', ask.key, detail);
}

/** What an order's answer says of it, noted; and that it never goes back is checked. */
export function noteOrder(
  run: Run,
  event: EventHistory,
  order: Order,
  body: unknown,
  sentAtMs: number,
): void {
  const view = asObject(body);
  const status = asText(view['status']);
  const nowMs = Date.now();
  if (order.confirmedAtMs !== null && order.confirmedAtMs < sentAtMs && status === 'pending') {
    complain(run, event, 'G15', order.orderId, 'was confirmed, and is pending');
  }
  if (order.endedAtMs !== null && order.endedAtMs < sentAtMs && status === 'pending') {
    complain(run, event, 'G16', order.orderId, 'had ended, and is pending');
  }
  if (status === 'confirmed' || status === 'partially_refunded') {
    order.confirmedAtMs ??= nowMs;
    order.ticketIds = asList(view['tickets'])
      .map(asObject)
      .filter((ticket) => ticket['status'] === 'valid')
      .map((ticket) => asText(ticket['id']));
  }
  // A cancelled order may still be honoured by a late payment, so only its money's end is an end.
  const isOver = status === 'refunded' || status === 'failed';
  if (isOver || (status === 'cancelled' && !order.payTried)) order.endedAtMs ??= nowMs;
}
