/**
 * Draws the seats of an event as the API tells of them, as an SVG:
 *
 *   node dist/tools/draw-seat-map.js BASE_URL EVENT_ID > picture.svg
 *
 * Free seats have the colour of their category, all others are grey. Seats of one colour are one
 * path, each a line of no length with round ends: five bytes, so that a stadium stays small.
 */
import { pathToFileURL } from 'node:url';
import { type MapSeat, readSeatMap, type SeatMap, seatsOfMap, stateOf } from './read-seat-map.ts';

/** Of categories that have no colour of their own. */
const PALETTE = ['#2563eb', '#d97706', '#059669', '#be185d', '#7c3aed', '#0891b2', '#65a30d'];
const TAKEN = '#c3c8d0';
const INK = '#334155';
/** How many points the drawing is wide: seats stand on whole ones, so that steps are short. */
const WIDTH = 3_600;
const MARGIN = 90;
const LEGEND_LINE = 84;
const LEGEND_COLUMNS = 3;
const FONT = 52;
/** Of the distance from a seat to the next. */
const DOT = 0.72;
/** A section is named where its drawing is so wide and high. */
const NAMED_MIN = 150;

type Frame = {
  readonly height: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
};

type Drawn = MapSeat & { readonly isFree: boolean };

/** `bits` is the body of `/events/{id}/seats`. */
export function drawSeats(map: SeatMap, bits: Uint8Array): string {
  const seats = seatsOfMap(map).map((seat, seatNo) => ({
    ...seat,
    isFree: stateOf(bits, seatNo) === 'free',
  }));
  const frame = frameOf(map, seats);
  const legend = legendOf(map, seats, frame.height);
  const height = frame.height + legend.height;
  const dot = Math.max(2, Math.round(DOT * pitchOf(seats, frame)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      `font-family="system-ui,sans-serif" font-size="${FONT}" fill="${INK}">`,
    `<title>${titleOf(seats)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...map.sections.map((section) => drawOutline(section, frame)),
    drawFocalPoint(map, frame),
    `<g fill="none" stroke-width="${dot}" stroke-linecap="round">`,
    drawDots(
      seats.filter(({ isFree }) => !isFree),
      TAKEN,
      frame,
    ),
    ...map.categories.map((_, category) => {
      const own = seats.filter((seat) => seat.isFree && seat.category === category);
      return drawDots(own, colorOf(map, category), frame);
    }),
    '</g>',
    ...map.sections.map((section) => drawName(section, frame)),
    ...legend.lines,
    '</svg>',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function titleOf(seats: readonly Drawn[]): string {
  const free = seats.filter(({ isFree }) => isFree).length;
  return `${free.toLocaleString('en')} of ${seats.length.toLocaleString('en')} seats are free`;
}

const colorOf = ({ categories }: SeatMap, category: number): string =>
  categories[category]?.color ?? PALETTE[category % PALETTE.length] ?? INK;

/** All that is drawn, in the middle. */
function frameOf(map: SeatMap, seats: readonly MapSeat[]): Frame {
  const corners = map.sections.flatMap(({ outline = [] }) => outline);
  const points = [...corners, map.focalPoint, ...seats.map(({ x, y }) => [x, y] as const)];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const scale = (WIDTH - 2 * MARGIN) / Math.max(1, right - left);
  return {
    height: Math.round((bottom - top) * scale) + 2 * MARGIN,
    x: (value) => Math.round((value - left) * scale) + MARGIN,
    y: (value) => Math.round((value - top) * scale) + MARGIN,
  };
}

/** The usual distance from a seat to the next one of its row, as drawn. */
function pitchOf(seats: readonly MapSeat[], frame: Frame): number {
  const steps = seats.flatMap((seat, i) => {
    const next = seats[i + 1];
    if (next?.section !== seat.section || next.rowLabel !== seat.rowLabel) return [];
    return [Math.hypot(frame.x(next.x) - frame.x(seat.x), frame.y(next.y) - frame.y(seat.y))];
  });
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? FONT / 2;
}

/** Each seat as the step from the one before. */
function drawDots(seats: readonly MapSeat[], color: string, frame: Frame): string {
  let [atX, atY] = [0, 0];
  const steps = seats.map((seat) => {
    const [x, y] = [frame.x(seat.x), frame.y(seat.y)];
    const [right, down] = [x - atX, y - atY];
    [atX, atY] = [x, y];
    return `m${right}${down < 0 ? '' : ' '}${down}z`;
  });
  return steps.length > 0 ? `<path stroke="${color}" d="${steps.join('')}"/>` : '';
}

type Section = SeatMap['sections'][number];

function drawOutline({ outline, standing }: Section, frame: Frame): string {
  if (!outline) return '';
  const points = outline.map(([x, y]) => `${frame.x(x)},${frame.y(y)}`).join(' ');
  const fill = standing === undefined ? '#f6f7f9' : '#fdf2e3';
  return `<polygon points="${points}" fill="${fill}" stroke="#d5dae1" stroke-width="3"/>`;
}

/** In the middle of what is large enough for it. */
function drawName({ name, outline = [], standing }: Section, frame: Frame): string {
  const xs = outline.map(([x]) => frame.x(x));
  const ys = outline.map(([, y]) => frame.y(y));
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  if (!(right - left >= NAMED_MIN && bottom - top >= NAMED_MIN)) return '';
  const isSeated = standing === undefined;
  const says = isSeated ? name : `${name}: room for ${standing.toLocaleString('en')}`;
  // Where people stand there may be the focal point, in the middle.
  const middle = isSeated ? (top + bottom) / 2 + FONT / 3 : top + 2 * FONT;
  const [x, y] = [Math.round((left + right) / 2), Math.round(middle)];
  return (
    `<text x="${x}" y="${y}" text-anchor="middle" font-weight="600" stroke="#fff" ` +
    `stroke-width="10" stroke-linejoin="round" paint-order="stroke">${escaped(says)}</text>`
  );
}

function drawFocalPoint({ focalPoint: [x, y] }: SeatMap, frame: Frame): string {
  const at = `cx="${frame.x(x)}" cy="${frame.y(y)}"`;
  return (
    `<circle ${at} r="44" fill="none" stroke="${INK}" stroke-width="6"/>` +
    `<circle ${at} r="14"/><text x="${frame.x(x)}" y="${frame.y(y) + 110}" ` +
    'text-anchor="middle">focal point</text>'
  );
}

/** What is free of each category, and the standing room that has no outline. */
function legendOf(map: SeatMap, seats: readonly Drawn[], top: number) {
  const entries = map.categories.flatMap(({ name }, category) => {
    const own = seats.filter((seat) => seat.category === category);
    if (own.length === 0) return [];
    const free = own.filter(({ isFree }) => isFree).length;
    const says = `${name}: ${free.toLocaleString('en')} of ${own.length.toLocaleString('en')} free`;
    return [{ color: colorOf(map, category), says }];
  });
  entries.push({ color: TAKEN, says: 'held or sold' });
  for (const { name, standing, outline } of map.sections) {
    if (standing === undefined || outline) continue;
    entries.push({ color: '#e8a13c', says: `${name}: room for ${standing.toLocaleString('en')}` });
  }
  const columnWidth = (WIDTH - 2 * MARGIN) / LEGEND_COLUMNS;
  const lines = entries.map(({ color, says }, i) => {
    const x = MARGIN + (i % LEGEND_COLUMNS) * columnWidth;
    const y = top + Math.floor(i / LEGEND_COLUMNS) * LEGEND_LINE + LEGEND_LINE / 2;
    return (
      `<circle cx="${x + 18}" cy="${y}" r="18" fill="${color}"/>` +
      `<text x="${x + 56}" y="${y + 18}">${escaped(says)}</text>`
    );
  });
  return { lines, height: Math.ceil(entries.length / LEGEND_COLUMNS) * LEGEND_LINE + MARGIN / 2 };
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

async function read(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [baseUrl, eventId] = process.argv.slice(2);
  if (!baseUrl || !eventId) {
    console.error('Usage: node dist/tools/draw-seat-map.js BASE_URL EVENT_ID > picture.svg');
    process.exit(2);
  }
  const event = `${baseUrl.replace(/\/$/, '')}/api/v1/events/${encodeURIComponent(eventId)}`;
  const map = readSeatMap(await (await read(`${event}/seat-map`)).json());
  const bits = new Uint8Array(await (await read(`${event}/seats`)).arrayBuffer());
  console.log(drawSeats(map, bits));
}
