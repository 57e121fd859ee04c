/** The demo season itself: fictional names; any likeness is chance. */
import { localToInstant, toRfc3339 } from './kernel/time.ts';

const ZONE = 'Europe/Berlin';
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const eur = (amount: number) => ({ amount, currency: 'EUR' });

/** A club night, an arena show, a festival, a sold-out quartet and a past evening, around `now`. */
export function demoSeason(now: Date): readonly object[] {
  const common = { timezone: ZONE, currency: 'EUR' };
  /** So many days from now, at this time on the wall clock of the venue. */
  const at = (days: number, time: string) => {
    const [date = ''] = toRfc3339(new Date(now.getTime() + days * DAY_MS), ZONE).split('T');
    const { instant } = localToInstant({ date, time: `${time}:00` }, ZONE);
    return toRfc3339(instant, ZONE);
  };
  const inMinutes = (minutes: number) =>
    toRfc3339(new Date(Math.ceil(now.getTime() / MINUTE_MS + minutes) * MINUTE_MS), ZONE);
  return [clubNight(common, at), arenaShow(common, at, inMinutes(10)), ...others(common, at)];
}

type At = (days: number, time: string) => string;
type Common = { readonly timezone: string; readonly currency: string };

const clubNight = (common: Common, at: At) => ({
  ...common,
  name: 'Nachtschicht: The Paper Lanterns',
  description: 'Club night with two live sets and a late bar.',
  doorsAt: at(21, '21:00'),
  startsAt: at(21, '22:00'),
  endsAt: at(22, '04:00'),
  venueName: 'Halle Nord',
  maxTicketsPerPerson: 6,
  refundableUntil: at(19, '12:00'),
  ticketTypes: [
    { name: 'Standard', price: eur(2_200), capacity: 400 },
    { name: 'Reduced', price: eur(1_400), capacity: 80 },
  ],
});

const arenaShow = (common: Common, at: At, salesOpenAt: string) => ({
  ...common,
  name: 'Marlene Quist: The Long Way Round',
  description: 'Arena show. On sale ten minutes after this server was first started.',
  doorsAt: at(90, '18:00'),
  startsAt: at(90, '20:00'),
  endsAt: at(90, '23:00'),
  venueName: 'Arena am Kanal',
  maxTicketsPerPerson: 4,
  salesOpenAt,
  ticketTypes: [
    { name: 'Floor', price: eur(7_900), capacity: 6_000 },
    { name: 'Upper tier', price: eur(4_900), capacity: 4_000 },
  ],
});

const others = (common: Common, at: At) => [
  {
    ...common,
    name: 'Weidenfest',
    description: 'Three days of folk and brass by the lake.',
    startsAt: at(200, '16:00'),
    endsAt: at(202, '22:00'),
    venueName: 'Seewiesen',
    holdMinutes: 30,
    ticketTypes: [
      { name: 'Weekend', price: eur(12_900), capacity: 3_000, maxPerOrder: 8 },
      { name: 'Saturday', price: eur(5_900), capacity: 1_500, maxPerOrder: 8 },
      { name: 'Children under 12', price: eur(0), capacity: 500, maxPerOrder: 6 },
    ],
  },
  {
    ...common,
    name: 'Kammerkonzert bei Kerzen',
    description: 'String quartet by candlelight, for eight listeners.',
    startsAt: at(14, '20:00'),
    endsAt: at(14, '22:00'),
    venueName: 'Kleine Kapelle',
    ticketTypes: [{ name: 'Seat', price: eur(3_800), capacity: 8 }],
  },
  {
    ...common,
    name: 'Opening Night',
    description: 'How the season began.',
    startsAt: at(-7, '20:00'),
    endsAt: at(-7, '23:30'),
    venueName: 'Halle Nord',
    ticketTypes: [{ name: 'Standard', price: eur(1_800), capacity: 400 }],
  },
];
