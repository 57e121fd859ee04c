import { present } from '../../kernel/result.ts';
import type { Remedy } from '../orders/index.ts';
import { type Block, button, facts, note, text } from './letter.ts';
import type { OrderFacts, Phrases, Words } from './words.ts';

const eventOf = ({ event }: Words) => present(event, 'the event of a letter');
const orderOf = ({ order }: Words) => present(order, 'the order of a letter');
const greeting = ({ name }: Words) => text(name ? `Hello ${name},` : 'Hello,');

const about = (w: Words): Block => {
  const { name, when, doors, venue } = eventOf(w);
  return facts(['Event', name], ['When', when], ['Doors', doors], ['Where', venue]);
};

const bought = ({ id, places, total }: OrderFacts): Block =>
  facts(['Tickets', places.join('\n')], ['Total', total], ['Order', id]);

const remedies: Readonly<Record<Remedy, string>> = {
  refund: 'your money back',
  credit: 'a credit with the organizer',
  voucher: 'tickets for the other date',
  keep: 'keep your tickets',
};

const reasons: Readonly<Record<string, string>> = {
  expired: 'It was not paid in time.',
  cancelled_by_buyer: 'You gave it up.',
  cancelled_by_organizer: 'The organizer ended it.',
  event_cancelled: 'The event has been cancelled.',
};
const reasonText = ({ reason }: OrderFacts): Block[] => {
  const words = reason === null ? undefined : reasons[reason];
  return words === undefined ? [] : [text(words)];
};

function remedyBlocks(w: Words): Block[] {
  if (!w.remedy) return [];
  const { choices, chooseBy, fallback, chosen, creditCode } = w.remedy;
  if (chosen) {
    const code = creditCode ? [facts(['Credit code', creditCode])] : [];
    return [text(`What you get: ${remedies[chosen]}.`), ...code];
  }
  const list = choices.map((choice) => remedies[choice]).join(', or ');
  return [
    text(`You may choose: ${list}. Please do so by ${chooseBy}.`),
    text(`If we do not hear from you: ${remedies[fallback]}.`),
  ];
}

/** Where there is something to choose, the order is where one does. */
const openOrder = (w: Words): Block => {
  const isOpen = w.remedy !== null && w.remedy.chosen === null;
  return button(isOpen ? 'Choose' : 'Open my order', orderOf(w).link);
};

const offered = (w: Words) => present(w.offer, 'the offer of a letter');
const until = (w: Words) => {
  const { until: end } = offered(w);
  return end === null ? [] : [text(`It is yours until ${end}; then the next person is asked.`)];
};

export const english: Phrases = {
  locale: 'en-GB',
  aboutOrder: 'You get this because you have ordered tickets.',
  aboutYou: 'You get this because you asked for it.',
  aboutSignIn: 'Somebody entered this address to sign in. If it was not you, do nothing.',
  aboutStaff: 'You get this because answers to your mail go to this address.',
  optOut: 'No more such mail',
  letters: {
    order_confirmed: (w) => ({
      subject: `Your tickets: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Your order is confirmed. Your tickets are attached, with an entry for the calendar.'),
        about(w),
        bought(orderOf(w)),
        openOrder(w),
        note('Whoever shows a ticket’s code first gets in. This mail opens your order: keep it.'),
      ],
      sms: `Your tickets for ${eventOf(w).name}, ${eventOf(w).when}: ${orderOf(w).ticketsLink}`,
    }),
    order_failed: (w) => ({
      subject: `Your order did not work out: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('The payment of your order failed, so there are no tickets, and nothing was charged.'),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    order_cancelled: (w) => ({
      subject: `Your order has ended: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Your order has ended without tickets.'),
        ...reasonText(orderOf(w)),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    order_lost: (w) => ({
      subject: `Your tickets are not valid any more: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Your bank has taken back the money for this order, so its tickets are void.'),
        about(w),
        bought(orderOf(w)),
        openOrder(w),
      ],
      sms: null,
    }),
    tickets_refunded: (w) => ({
      subject: `Tickets given back: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Tickets of your order were taken back.'),
        facts(['What goes back to you', orderOf(w).refunded]),
        text('Money goes the way it was paid; a bank may take some days.'),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    event_rescheduled: (w) => ({
      subject: `New date: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('This event was moved. Your tickets stay valid for the new date.'),
        about(w),
        ...remedyBlocks(w),
        openOrder(w),
      ],
      sms: `${eventOf(w).name} was moved to ${eventOf(w).when}. ${orderOf(w).link}`,
    }),
    event_cancelled: (w) => ({
      subject: `Cancelled: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('We are sorry: this event will not take place.'),
        about(w),
        ...remedyBlocks(w),
        openOrder(w),
      ],
      sms: `${eventOf(w).name} is cancelled. What you get: ${orderOf(w).link}`,
    }),
    remedy_chosen: (w) => ({
      subject: `What you get: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('This is decided now.'),
        ...remedyBlocks(w),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    reminder: (w) => ({
      subject: `Soon: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('It is not long now. Have your tickets ready at the door.'),
        about(w),
        button('Open my tickets', orderOf(w).ticketsLink),
      ],
      sms: null,
    }),
    waitlist_offer: (w) => ({
      subject: `Tickets have come free: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Tickets that you wait for have come free.'),
        about(w),
        ...until(w),
        button('Look at the offer', offered(w).link),
      ],
      sms: `Tickets for ${eventOf(w).name} have come free for you: ${offered(w).link}`,
    }),
    your_turn: (w) => ({
      subject: `It is your turn: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('You may shop now.'),
        about(w),
        ...until(w),
        button('Go on', offered(w).link),
      ],
      sms: `It is your turn for ${eventOf(w).name}: ${offered(w).link}`,
    }),
    sign_in: (w) => {
      const { code, link, minutes } = present(w.signIn, 'the code of a letter');
      return {
        subject: `${code} is your code for ${w.organizer}`,
        blocks: [
          text('With this code you sign in:'),
          { kind: 'code', code },
          ...(link ? [button('Sign in', link)] : []),
          note(`Both work once, for ${minutes} minutes. Nobody of us ever asks you for a code.`),
        ],
        sms: `${code} is your code for ${w.organizer}. It works for ${minutes} minutes.`,
      };
    },
    webhook_disabled: (w) => {
      const { id, reason } = present(w.endpoint, 'the endpoint of a letter');
      return {
        subject: 'An endpoint gets no webhooks any more',
        blocks: [
          text(
            reason === 'gone'
              ? 'This endpoint has said that it is gone (410), so nothing more is sent to it.'
              : 'Nothing has arrived at this endpoint for five days: no more is sent to it.',
          ),
          facts(['Endpoint', id]),
          text('When it listens again, resume it: what had waited is sent then.'),
          note('What happens until then is not kept for it.'),
        ],
        sms: null,
      };
    },
  },
};
