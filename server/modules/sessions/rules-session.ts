/** What a session is, and what is still missing before it can be purchased. */
import type { SessionState } from './states.ts';

type SessionFacts = {
  readonly status: SessionState;
  /** Its countdown is over. */
  readonly isOver: boolean;
  readonly declineCode: string | null;
};

/** Of the order that was made of it last. */
type OrderFacts = {
  readonly status: string;
  readonly endReason: string | null;
  readonly confirmedAt: Date | null;
};

export type Standing = {
  readonly status: SessionState;
  /** Why the last payment failed. */
  readonly declineCode: string | null;
};

/**
 * A session goes on with its order and with time, whether or not anybody has written it down: what
 * is stored is the last change that somebody made, what counts is this.
 */
export function standingOf(session: SessionFacts, order: OrderFacts | null): Standing {
  const { status, declineCode } = session;
  const ended = (to: SessionState): Standing => ({ status: to, declineCode: null });
  const timed = (code: string | null): Standing =>
    session.isOver ? ended('expired') : { status: 'open', declineCode: code };
  // Also where it came late: the money was taken, and there are tickets.
  if (order && order.confirmedAt !== null && status !== 'open') return ended('completed');
  if (status === 'open') return timed(declineCode);
  if (status !== 'purchasing' || !order) return { status, declineCode };
  if (order.status === 'pending') return { status, declineCode: null };
  if (order.status === 'failed') return timed(order.endReason ?? 'payment_failed');
  // Cancelled: by time, or given up, and then its places are gone, too.
  return order.endReason === 'expired' ? ended('expired') : timed(null);
}

export type SessionIssue = {
  readonly path: string;
  readonly code: SessionIssueCode;
  readonly message: string;
  /** What the provider, or the buyer's bank, said. */
  readonly declineCode?: string;
};

export const sessionIssueCodes = [
  'selection_missing',
  'selection_lost',
  'per_person_limit',
  'buyer_missing',
  'attendees_too_many',
  'promo_code_invalid',
  'promo_code_over_limit',
  'promo_code_used_up',
  'credit_invalid',
  'credit_used_up',
  'payment_missing',
  'payment_method_unavailable',
  'payment_declined',
  'expired',
] as const;

export type SessionIssueCode = (typeof sessionIssueCodes)[number];

export type SessionContent = {
  readonly status: SessionState;
  readonly declineCode: string | null;
  /** Why the code that was given does not lower the price of what is chosen. */
  readonly promoRefusal: SessionIssueCode | null;
  /** Why the credit that was named pays nothing. */
  readonly creditRefusal: 'credit_invalid' | 'credit_used_up' | null;
  /** How many places it holds now, and what is left to be paid; null where it holds none. */
  readonly selection: { readonly places: number; readonly dueMinor: number } | null;
  /** It had a selection, which it has not given up itself. */
  readonly isLost: boolean;
  readonly hasBuyer: boolean;
  readonly overLimit: number | null;
  readonly attendees: number;
  readonly method: string | null;
  readonly isMethodAvailable: boolean;
};

/** What its buyer has to know or to do; in the order of a form. Nothing where it has ended well. */
export function issuesOf(content: SessionContent): readonly SessionIssue[] {
  if (content.status === 'expired') {
    return [{ path: '', code: 'expired', message: 'The time to buy is over' }];
  }
  if (content.status !== 'open') return [];
  return [
    ...selectionIssues(content),
    ...peopleIssues(content),
    ...promoIssues(content),
    ...creditIssues(content),
    ...paymentIssues(content),
  ];
}

function selectionIssues({ selection, isLost, overLimit }: SessionContent): SessionIssue[] {
  const path = 'selection';
  if (!selection && isLost) {
    return [{ path, code: 'selection_lost', message: 'The places are gone: choose again' }];
  }
  if (!selection) return [{ path, code: 'selection_missing', message: 'Choose places' }];
  if (overLimit === null) return [];
  const message = `This buyer may have ${overLimit} tickets of the event, those they have included`;
  return [{ path, code: 'per_person_limit', message }];
}

function peopleIssues({ selection, hasBuyer, attendees }: SessionContent): SessionIssue[] {
  const issues: SessionIssue[] = [];
  if (!hasBuyer) issues.push({ path: 'buyer', code: 'buyer_missing', message: 'Say who buys' });
  if (selection && attendees > selection.places) {
    const message = `There are ${attendees} attendees for ${selection.places} places`;
    issues.push({ path: 'attendees', code: 'attendees_too_many', message });
  }
  return issues;
}

function promoIssues({ selection, promoRefusal: code }: SessionContent): SessionIssue[] {
  if (!selection || code === null) return [];
  return [{ path: 'promoCode', code, message: 'This code does not apply to what is chosen' }];
}

function creditIssues({ selection, creditRefusal: code }: SessionContent): SessionIssue[] {
  if (!selection || code === null) return [];
  const message =
    code === 'credit_used_up' ? 'Nothing is left of this credit' : 'This credit has ended';
  return [{ path: 'credit', code, message }];
}

function paymentIssues(content: SessionContent): SessionIssue[] {
  const { selection, method, declineCode } = content;
  const issues: SessionIssue[] = [];
  // Where nothing has to be paid, nobody has to say how.
  const isFree = selection !== null && selection.dueMinor === 0;
  if (!isFree && method === null) {
    issues.push({ path: 'payment', code: 'payment_missing', message: 'Say how to pay' });
  }
  if (!isFree && method !== null && !content.isMethodAvailable) {
    const message = `Paying by ${method} is not available`;
    issues.push({ path: 'payment.method', code: 'payment_method_unavailable', message });
  }
  if (declineCode !== null) {
    const message = `The payment was declined: ${declineCode}. Try again, or pay another way`;
    issues.push({ path: 'payment', code: 'payment_declined', message, declineCode });
  }
  return issues;
}

/** Those that a purchase stops at; to try again is what a declined payment is answered with. */
export function blockingOf(issues: readonly SessionIssue[]): readonly SessionIssue[] {
  return issues.filter(({ code }) => code !== 'payment_declined');
}
