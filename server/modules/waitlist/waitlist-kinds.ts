/** What a lane does with the waitlist: changes of it, and looks at what there is to offer. */
import type { HoldId, Id, OrganizerId, SessionId, TicketTypeId, UserId } from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import type { Language } from '../../kernel/language.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import { callChangeBatch, callOfferBatch } from './waitlist.sql.ts';

export type EntryId = Id<'wle'>;
export type OfferId = Id<'off'>;

const QUEUED_MAX = 5_000;
const BATCH_MAX = 64;

export type JoinRequest = {
  readonly do: 'join';
  readonly entryId: EntryId;
  readonly organizerId: OrganizerId;
  /** Unless staff has said another. */
  readonly closesAt: Date;
  readonly caller: string;
  readonly key: string | null;
  /** Hexadecimal. */
  readonly bodyHash: string;
  readonly quantity: number;
  readonly acceptsFewer: boolean;
  readonly ticketTypeIds: readonly TicketTypeId[] | null;
  readonly sections: readonly string[] | null;
  readonly personKeys: readonly string[];
  readonly person: {
    readonly name: string | null;
    readonly email: string;
    readonly language: Language | null;
  };
  readonly userId: UserId | null;
};

type ChangeRequest =
  | JoinRequest
  | { readonly do: 'leave'; readonly entryId: EntryId }
  | { readonly do: 'accept'; readonly offerId: OfferId; readonly shoppingMs: number }
  | { readonly do: 'decline'; readonly offerId: OfferId }
  | {
      readonly do: 'set';
      readonly organizerId: OrganizerId;
      readonly closesAt: Date;
      readonly ownClosesAt: Date | null;
      readonly offerMinutes: number;
      readonly isOpen: boolean;
    }
  | { readonly do: 'follow'; readonly organizerId: OrganizerId; readonly closesAt: Date };

export type ChangeAnswer = {
  readonly verdict: string;
  readonly entryId?: EntryId;
  readonly sessionId?: SessionId;
  readonly limit?: number | null;
};

/** The second of the same finds what became of the first. */
function nameOf(request: ChangeRequest): string {
  switch (request.do) {
    case 'join':
      return `${request.caller}\n${request.key}`;
    case 'leave':
      return request.entryId;
    case 'set':
    case 'follow':
      return request.do;
    default:
      return request.offerId;
  }
}

export const changeKind: LaneKind<ChangeRequest, ChangeAnswer> = {
  name: 'waitlist',
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
  call: callChangeBatch,
  nameOf,
};

/** The ids of an offer that may be made. */
export type OfferSlot = {
  readonly offerId: OfferId;
  readonly holdId: HoldId;
  readonly sessionId: SessionId;
};

export type OfferAnswer = {
  readonly offers: number;
  readonly places: number;
  /** How long each of them had waited. */
  readonly waitedMs: readonly number[];
  readonly again: boolean;
};

export const OFFER_KIND = 'waitlist_offers';

export const offerKind: LaneKind<{ readonly slots: readonly OfferSlot[] }, OfferAnswer> = {
  name: OFFER_KIND,
  rank: PAYING_RANK,
  queueMax: 4,
  batchMax: 1,
  waitMaxMs: null,
  call: callOfferBatch,
};
