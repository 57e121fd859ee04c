/** Every step of a checkout at which a server may die, and the purchase that comes by it. */

/** How a purchase goes until the server dies; `crash.ts` plays them. */
export type Story =
  | 'books'
  | 'books_on_the_page'
  | 'pays'
  | 'pays_on_the_page'
  | 'is_declined'
  | 'never_pays'
  | 'pays_late'
  | 'pays_too_late'
  | 'is_refunded';

export type Crash = { readonly story: Story; readonly point: string };

const of = (story: Story, ...points: readonly string[]): readonly Crash[] =>
  points.map((point) => ({ story, point }));

export const crashes: readonly Crash[] = [
  ...of(
    'books',
    'hold.before',
    'book.before_order',
    'book.before_payment',
    'intent.before_store',
    'book.before_answer',
  ),
  ...of('books_on_the_page', 'intent.before_store', 'book.before_answer'),
  ...of(
    'pays',
    'webhook.before_answer',
    'settle.before_look',
    'settle.before_claim',
    'settle.before_capture',
    'settle.before_confirm',
    'settle.after_confirm',
  ),
  ...of('pays_on_the_page', 'webhook.before_answer', 'settle.before_capture'),
  ...of('is_declined', 'void.before_call', 'void.before_record'),
  ...of('never_pays', 'end.before_look', 'void.before_call', 'void.before_record'),
  ...of('pays_late', 'settle.before_capture', 'settle.before_confirm'),
  ...of('pays_too_late', 'settle.before_look', 'settle.after_confirm'),
  ...of(
    'is_refunded',
    'refund.before_submit',
    'refund.before_call',
    'refund.before_record',
    'refund.after_record',
  ),
];
