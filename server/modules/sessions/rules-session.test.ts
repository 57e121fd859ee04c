import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockingOf,
  issuesOf,
  type SessionContent,
  sessionIssueCodes,
  standingOf,
} from './rules-session.ts';
import { type SessionState, sessionMachine } from './states.ts';

const session = (status: SessionState, isOver = false, declineCode: string | null = null) => ({
  ...{ status, isOver, declineCode },
});
const order = (status: string, endReason: string | null = null) => ({
  ...{ status, endReason },
  confirmedAt: /confirmed|refunded/.test(status) ? new Date(0) : null,
});

describe('what a session is', () => {
  it.each([
    ['open, with time', session('open'), null, 'open', null],
    ['open, without', session('open', true), null, 'expired', null],
    ['open after a decline', session('open', false, 'no'), order('failed', 'no'), 'open', 'no'],
    ['waiting for its payment', session('purchasing'), order('pending'), 'purchasing', null],
    ['paying when time ran out', session('purchasing', true), order('pending'), 'purchasing', null],
    ['paid', session('purchasing'), order('confirmed'), 'completed', null],
    [
      'paid, and given back since',
      session('purchasing', true),
      order('refunded'),
      'completed',
      null,
    ],
    ['declined', session('purchasing'), order('failed', 'no'), 'open', 'no'],
    ['declined too late', session('purchasing', true), order('failed', 'no'), 'expired', null],
    ['unpaid', session('purchasing', true), order('cancelled', 'expired'), 'expired', null],
    ['given up', session('purchasing'), order('cancelled', 'cancelled_by_buyer'), 'open', null],
    ['left', session('abandoned'), null, 'abandoned', null],
    ['paid late', session('expired', true), order('confirmed'), 'completed', null],
  ] as const)('B10: %s', (_what, row, its, status, declineCode) => {
    expect(standingOf(row, its)).toEqual({ status, declineCode });
  });

  it('G16: is never what its machine does not lead to', () => {
    const states = Object.keys(sessionMachine.edges) as SessionState[];
    const orders = [
      'pending',
      'confirmed',
      'failed',
      'cancelled',
      'partially_refunded',
      'refunded',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.boolean(),
        fc.constantFrom(null, ...orders),
        fc.constantFrom('expired', 'card_declined', null),
        (status, isOver, state, endReason) => {
          // An open session has no order that goes on or was paid: it is locked while it has.
          fc.pre(status !== 'open' || state === null || state === 'failed');
          const its = state === null ? null : order(state, endReason);
          const { status: to } = standingOf(session(status, isOver), its);
          expect(to === status || sessionMachine.edges[status].includes(to)).toBe(true);
        },
      ),
    );
  });
});

const ready: SessionContent = {
  status: 'open',
  declineCode: null,
  selection: { places: 2, dueMinor: 5_000 },
  isLost: false,
  hasBuyer: true,
  overLimit: null,
  promoRefusal: null,
  creditRefusal: null,
  attendees: 2,
  method: 'payment_intent',
  isMethodAvailable: true,
};

describe('what is missing', () => {
  it.each<[string, Partial<SessionContent>, string[]]>([
    ['nothing', {}, []],
    ['places', { selection: null }, ['selection_missing']],
    ['places that were there', { selection: null, isLost: true }, ['selection_lost']],
    ['room under the cap', { overLimit: 1 }, ['per_person_limit']],
    ['a buyer', { hasBuyer: false }, ['buyer_missing']],
    ['places for all who come', { attendees: 3 }, ['attendees_too_many']],
    ['a code that applies', { promoRefusal: 'promo_code_used_up' }, ['promo_code_used_up']],
    ['a way to pay', { method: null }, ['payment_missing']],
    ['a way to pay that there is', { isMethodAvailable: false }, ['payment_method_unavailable']],
    ['a card that works', { declineCode: 'no' }, ['payment_declined']],
    ['time', { status: 'expired', selection: null, hasBuyer: false }, ['expired']],
    ['nothing that is asked for once it is bought', { status: 'completed', method: null }, []],
    [
      'a way to pay, where nothing has to be paid',
      { selection: { places: 2, dueMinor: 0 }, method: null, isMethodAvailable: false },
      [],
    ],
    [
      'everything',
      { selection: null, hasBuyer: false, method: null, attendees: 0 },
      ['selection_missing', 'buyer_missing', 'payment_missing'],
    ],
  ])('B10: %s', (_what, more, codes) => {
    expect(issuesOf({ ...ready, ...more }).map(({ code }) => code)).toEqual(codes);
  });

  it('B10: says where, and a declined payment alone does not stand in the way', () => {
    const issues = issuesOf({ ...ready, declineCode: 'insufficient_funds', attendees: 9 });
    expect(issues).toMatchObject([
      { path: 'attendees', code: 'attendees_too_many' },
      { path: 'payment', code: 'payment_declined', declineCode: 'insufficient_funds' },
    ]);
    expect(blockingOf(issues).map(({ code }) => code)).toEqual(['attendees_too_many']);
    expect(sessionIssueCodes).toEqual(expect.arrayContaining(issues.map(({ code }) => code)));
  });
});
