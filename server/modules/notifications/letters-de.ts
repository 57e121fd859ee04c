import { present } from '../../kernel/result.ts';
import type { Remedy } from '../orders/index.ts';
import { type Block, button, facts, note, text } from './letter.ts';
import type { OrderFacts, Phrases, Words } from './words.ts';

const eventOf = ({ event }: Words) => present(event, 'the event of a letter');
const orderOf = ({ order }: Words) => present(order, 'the order of a letter');
const greeting = ({ name }: Words) => text(name ? `Guten Tag ${name},` : 'Guten Tag,');

const about = (w: Words): Block => {
  const { name, when, doors, venue } = eventOf(w);
  return facts(['Veranstaltung', name], ['Wann', when], ['Einlass', doors], ['Wo', venue]);
};

const bought = ({ id, places, total }: OrderFacts): Block =>
  facts(['Tickets', places.join('\n')], ['Summe', total], ['Bestellung', id]);

const remedies: Readonly<Record<Remedy, string>> = {
  refund: 'Ihr Geld zurück',
  credit: 'ein Guthaben beim Veranstalter',
  voucher: 'Tickets für den anderen Termin',
  keep: 'Ihre Tickets behalten',
};

const reasons: Readonly<Record<string, string>> = {
  expired: 'Sie wurde nicht rechtzeitig bezahlt.',
  cancelled_by_buyer: 'Sie haben sie aufgegeben.',
  cancelled_by_organizer: 'Der Veranstalter hat sie beendet.',
  event_cancelled: 'Die Veranstaltung wurde abgesagt.',
};
const reasonText = ({ reason }: OrderFacts): Block[] => {
  const words = reason === null ? undefined : reasons[reason];
  return words === undefined ? [] : [text(words)];
};

function remedyBlocks(w: Words): Block[] {
  if (!w.remedy) return [];
  const { choices, chooseBy, fallback, chosen, creditCode } = w.remedy;
  if (chosen) {
    const code = creditCode ? [facts(['Code des Guthabens', creditCode])] : [];
    return [text(`Das bekommen Sie: ${remedies[chosen]}.`), ...code];
  }
  const list = choices.map((choice) => remedies[choice]).join(' oder ');
  return [
    text(`Sie können wählen: ${list}. Bitte tun Sie das bis ${chooseBy}.`),
    text(`Wenn wir nichts von Ihnen hören: ${remedies[fallback]}.`),
  ];
}

/** Where there is something to choose, the order is where one does. */
const openOrder = (w: Words): Block => {
  const isOpen = w.remedy !== null && w.remedy.chosen === null;
  return button(isOpen ? 'Wählen' : 'Bestellung öffnen', orderOf(w).link);
};

const offered = (w: Words) => present(w.offer, 'the offer of a letter');
const until = (w: Words) => {
  const { until: end } = offered(w);
  return end === null ? [] : [text(`Das gilt bis ${end}; danach sind andere an der Reihe.`)];
};

export const german: Phrases = {
  locale: 'de-DE',
  aboutOrder: 'Sie bekommen diese Nachricht, weil Sie Tickets bestellt haben.',
  aboutYou: 'Sie bekommen diese Nachricht, weil Sie darum gebeten haben.',
  aboutSignIn:
    'Jemand hat diese Adresse eingegeben, um sich anzumelden. Waren Sie es nicht, tun Sie nichts.',
  aboutStaff: 'Sie bekommen diese Nachricht, weil Antworten auf Ihre Mails an diese Adresse gehen.',
  optOut: 'Keine solchen Nachrichten mehr',
  letters: {
    order_confirmed: (w) => ({
      subject: `Ihre Tickets: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Ihre Bestellung ist bestätigt. Tickets und Kalendereintrag hängen an.'),
        about(w),
        bought(orderOf(w)),
        openOrder(w),
        note(
          'Wer den Code eines Tickets zuerst zeigt, kommt hinein. Diese Nachricht öffnet Ihre ' +
            'Bestellung: Bewahren Sie sie auf.',
        ),
      ],
      sms: `Ihre Tickets für ${eventOf(w).name}, ${eventOf(w).when}: ${orderOf(w).ticketsLink}`,
    }),
    order_failed: (w) => ({
      subject: `Ihre Bestellung hat nicht geklappt: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('die Zahlung ist gescheitert: Es gibt keine Tickets, und nichts wurde abgebucht.'),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    order_cancelled: (w) => ({
      subject: `Ihre Bestellung ist beendet: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Ihre Bestellung hat ohne Tickets geendet.'),
        ...reasonText(orderOf(w)),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    order_lost: (w) => ({
      subject: `Ihre Tickets gelten nicht mehr: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text(
          'Ihre Bank hat das Geld für diese Bestellung zurückgeholt; ihre Tickets sind ungültig.',
        ),
        about(w),
        bought(orderOf(w)),
        openOrder(w),
      ],
      sms: null,
    }),
    tickets_refunded: (w) => ({
      subject: `Tickets zurückgegeben: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Tickets Ihrer Bestellung wurden zurückgenommen.'),
        facts(['Das geht an Sie zurück', orderOf(w).refunded]),
        text('Geld geht auf dem Weg zurück, auf dem bezahlt wurde; das kann einige Tage dauern.'),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    event_rescheduled: (w) => ({
      subject: `Neuer Termin: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('diese Veranstaltung wurde verlegt. Ihre Tickets gelten für den neuen Termin.'),
        about(w),
        ...remedyBlocks(w),
        openOrder(w),
      ],
      sms: `${eventOf(w).name} wurde verlegt auf ${eventOf(w).when}. ${orderOf(w).link}`,
    }),
    event_cancelled: (w) => ({
      subject: `Abgesagt: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('es tut uns leid: Diese Veranstaltung findet nicht statt.'),
        about(w),
        ...remedyBlocks(w),
        openOrder(w),
      ],
      sms: `${eventOf(w).name} ist abgesagt. Das bekommen Sie: ${orderOf(w).link}`,
    }),
    remedy_chosen: (w) => ({
      subject: `Das bekommen Sie: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('das ist nun entschieden.'),
        ...remedyBlocks(w),
        about(w),
        openOrder(w),
      ],
      sms: null,
    }),
    reminder: (w) => ({
      subject: `Bald: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('bald ist es so weit. Halten Sie am Einlass Ihre Tickets bereit.'),
        about(w),
        button('Tickets öffnen', orderOf(w).ticketsLink),
      ],
      sms: null,
    }),
    waitlist_offer: (w) => ({
      subject: `Tickets sind frei geworden: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Tickets, auf die Sie warten, sind frei geworden.'),
        about(w),
        ...until(w),
        button('Angebot ansehen', offered(w).link),
      ],
      sms: `Für Sie sind Tickets frei geworden, ${eventOf(w).name}: ${offered(w).link}`,
    }),
    your_turn: (w) => ({
      subject: `Sie sind an der Reihe: ${eventOf(w).name}`,
      blocks: [
        greeting(w),
        text('Sie können jetzt einkaufen.'),
        about(w),
        ...until(w),
        button('Weiter', offered(w).link),
      ],
      sms: `Sie sind an der Reihe, ${eventOf(w).name}: ${offered(w).link}`,
    }),
    sign_in: (w) => {
      const { code, link, minutes } = present(w.signIn, 'the code of a letter');
      return {
        subject: `${code} ist Ihr Code für ${w.organizer}`,
        blocks: [
          text('Mit diesem Code melden Sie sich an:'),
          { kind: 'code', code },
          ...(link ? [button('Anmelden', link)] : []),
          note(`Beides gilt einmal, ${minutes} Minuten lang. Wir fragen nie nach einem Code.`),
        ],
        sms: `${code} ist Ihr Code für ${w.organizer}. Er gilt ${minutes} Minuten.`,
      };
    },
    webhook_disabled: (w) => {
      const { id, reason } = present(w.endpoint, 'the endpoint of a letter');
      return {
        subject: 'Ein Endpunkt bekommt keine Webhooks mehr',
        blocks: [
          text(
            reason === 'gone'
              ? 'Dieser Endpunkt sagt, es gebe ihn nicht mehr (410). Wir senden ihm nichts mehr.'
              : 'Hier ist fünf Tage lang nichts angekommen. Wir senden nichts mehr.',
          ),
          facts(['Endpunkt', id]),
          text('Nehmen Sie ihn wieder in Betrieb, wenn er zuhört: Dann kommt, was gewartet hat.'),
          note('Was bis dahin geschieht, wird für ihn nicht aufgehoben.'),
        ],
        sms: null,
      };
    },
  },
};
