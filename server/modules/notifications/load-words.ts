import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { isLanguage, type Language } from '../../kernel/language.ts';
import { type Currency, formatMoney, money } from '../../kernel/money.ts';
import { formatLocal } from '../../kernel/time.ts';
import { type EventWords, readEventWords } from '../catalog/index.ts';
import { accessTokenFor, languageOfPerson, organizerName } from '../identity/index.ts';
import { type OrderRow, type OrderView, orderNow, readOrder, remedyOf } from '../orders/index.ts';
import type { Kind } from './kinds.ts';
import { type MessageRow, selectSender } from './message.sql.ts';
import { homeOf } from './ports.ts';
import { greetable, LOCALES, type Words } from './words.ts';

/** Places beyond these are counted, not listed. */
const PLACES_MAX = 20;

type Loaded = { readonly words: Words; readonly language: Language };

/**
 * What a letter is written from, as it is now. Null where nobody has to be told any more; `later`
 * where what it will say is being decided.
 */
export async function loadWords(ctx: Ctx, message: MessageRow): Promise<Loaded | null | 'later'> {
  const { organizerId, userId } = message;
  const order = await orderOf(ctx, message);
  if (message.orderId !== null && order === null) return null;
  const sender = await maybe(ctx.db, selectSender(organizerId));
  const own = await languageOfPerson(ctx.db, userId ?? order?.userId ?? null);
  const { language: said } = message.data;
  const asked = order?.buyerLanguage ?? (isLanguage(said) ? said : null);
  const language = own ?? asked ?? sender?.language ?? 'en';
  const organizer = (await organizerName(ctx.db, organizerId)) ?? '';
  const words: Words = { ...nothing, organizer, endpoint: endpointOf(message) };
  if (message.eventId === '') return { words, language };
  // It names an event wherever it is not ''.
  const event = await readEventWords(ctx, message.eventId as EventId, []);
  const about = {
    ...words,
    event: eventFacts(event, language),
    offer: offerOf(ctx, message, event, language),
  };
  if (!order) return { words: about, language };
  // Before the order is read: its words are of this remedy then, or of a later one.
  const remedy = await remedyOf(ctx.db, order.eventId, order.orderId);
  const view = await orderNow(ctx, order);
  const ready = isReady(message, view, remedy?.changeNo ?? null, event);
  if (ready !== true) return ready;
  return { words: { ...about, ...orderWords(ctx, message, view, event, language) }, language };
}

const nothing: Omit<Words, 'organizer'> = {
  name: null,
  event: null,
  order: null,
  remedy: null,
  offer: null,
  endpoint: null,
  signIn: null,
};

async function orderOf(ctx: Ctx, { eventId, orderId }: MessageRow): Promise<OrderRow | null> {
  // Of an order’s message, its event’s.
  return orderId === null ? null : readOrder(ctx.db, eventId as EventId, orderId);
}

const LIVE = new Set(['confirmed', 'partially_refunded']);
const HAVE_TICKETS: ReadonlySet<Kind> = new Set(['order_confirmed', 'reminder']);
/** What a letter says has become of the order. */
const ENDED: Partial<Record<Kind, OrderView['status']>> = {
  order_failed: 'failed',
  order_cancelled: 'cancelled',
};
const CHANGES: ReadonlySet<Kind> = new Set(['event_cancelled', 'event_rescheduled']);

/** Things may have gone on since it was owed. */
function isReady(
  { kind, data }: MessageRow,
  order: OrderView,
  remediedChange: number | null,
  { event }: EventWords,
): true | null | 'later' {
  // Written by `notify` for one of the kinds.
  const of = kind as Kind;
  if (HAVE_TICKETS.has(of) && !LIVE.has(order.status)) return null;
  // Money that came late may have been honoured since: the tickets are told of instead.
  if (ENDED[of] !== undefined && ENDED[of] !== order.status) return null;
  if (of === 'reminder' && event.status !== 'published') return null;
  if (of === 'event_rescheduled' && event.status === 'cancelled') return null;
  const waits = CHANGES.has(of) && data['awaitsRemedy'] === true;
  if (!waits || !LIVE.has(order.status)) return true;
  // What its buyer may choose is offered a moment after the event was changed; until then they may
  // have what an earlier change has offered.
  const changeNo = typeof data['changeNo'] === 'number' ? data['changeNo'] : 0;
  return remediedChange !== null && remediedChange >= changeNo ? true : 'later';
}

function eventFacts({ event }: EventWords, language: Language): NonNullable<Words['event']> {
  const when = (at: Date) => formatLocal(at, event.timezone, LOCALES[language]);
  return {
    name: event.name,
    when: when(event.startsAt),
    doors: event.doorsAt ? when(event.doorsAt) : null,
    venue: event.venueName,
  };
}

function endpointOf({ data: { endpointId, reason } }: MessageRow): Words['endpoint'] {
  if (typeof endpointId !== 'string') return null;
  return { id: endpointId, reason: reason === 'gone' ? 'gone' : 'failing' };
}

function offerOf(
  ctx: Ctx,
  { data }: MessageRow,
  { event }: EventWords,
  language: Language,
): Words['offer'] {
  const { path, opens, until } = data;
  if (typeof path !== 'string') return null;
  const access = typeof opens === 'string' ? `?access=${accessTokenFor(ctx.secrets, opens)}` : '';
  const end = typeof until === 'string' ? new Date(until) : null;
  return {
    link: `${homeOf(ctx)}${path}${access}`,
    until: end && formatLocal(end, event.timezone, LOCALES[language]),
  };
}

/** Where an order is opened, with the right to it. */
export function orderLink(ctx: Ctx, orderId: OrderId, part = ''): string {
  const access = accessTokenFor(ctx.secrets, orderId);
  return `${homeOf(ctx)}/api/v1/orders/${orderId}${part}?access=${access}`;
}

function orderWords(
  ctx: Ctx,
  { data, orderId }: MessageRow,
  order: OrderView,
  { event, typeNames }: EventWords,
  language: Language,
): Pick<Words, 'name' | 'order' | 'remedy'> {
  // The message is about this order.
  const id = orderId as OrderId;
  const sum = (amount: number) =>
    // A currency that the catalogue has checked.
    formatMoney(money(amount, order.total.currency as Currency), LOCALES[language]);
  const names: ReadonlyMap<string, string> = typeNames;
  const { remedy } = order;
  const refunded = typeof data['amountMinor'] === 'number' ? data['amountMinor'] : null;
  return {
    name: greetable(order.buyer.name),
    order: {
      id,
      link: orderLink(ctx, id),
      ticketsLink: orderLink(ctx, id, '/tickets.pdf'),
      places: order.items
        .slice(0, PLACES_MAX)
        .map(({ quantity, ticketTypeId }) => `${quantity} × ${names.get(ticketTypeId) ?? ''}`),
      total: sum(order.total.amount),
      reason: order.statusReason,
      refunded: refunded === null ? null : sum(refunded),
    },
    remedy: remedy
      ? {
          choices: remedy.choices,
          chooseBy: formatLocal(new Date(remedy.chooseBy), event.timezone, LOCALES[language]),
          fallback: remedy.default,
          chosen: remedy.chosen,
          creditCode: remedy.creditCode ?? null,
        }
      : null,
  };
}
