/** What people are told, and how each kind is treated. A new kind is a line here and a letter. */

export type Channel = 'email' | 'sms';

type KindOf = {
  /** By text message too, where a number is known. */
  readonly sms: boolean;
  /** Not about something that one has: whoever wants no such mail gets none. */
  readonly isOptional: boolean;
  /** Owed to very many at once: laid out over time, behind what single people wait for. */
  readonly isMass: boolean;
  /** Has a limit of its own, and is of no use later. */
  readonly isUrgent?: true;
};

const toOne = { sms: false, isOptional: false, isMass: false } as const;
const toMany = { sms: false, isOptional: false, isMass: true } as const;

export const kinds = {
  order_confirmed: { ...toOne, sms: true },
  order_failed: toOne,
  order_cancelled: toOne,
  order_lost: toOne,
  tickets_refunded: toOne,
  event_rescheduled: { ...toMany, sms: true },
  event_cancelled: { ...toMany, sms: true },
  remedy_chosen: toMany,
  reminder: { ...toMany, isOptional: true },
  waitlist_offer: { ...toOne, sms: true, isOptional: true },
  your_turn: { ...toOne, sms: true, isOptional: true },
  sign_in: { ...toOne, isUrgent: true },
  // To the organizer.
  webhook_disabled: toOne,
} as const satisfies Readonly<Record<string, KindOf>>;

export type Kind = keyof typeof kinds;

export function kindOf(kind: Kind): KindOf {
  return kinds[kind];
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text);
}
