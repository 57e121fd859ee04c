import { inflateSync } from 'node:zlib';
import jsqr from 'jsqr';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { describe, expect, it } from 'vitest';
import { drawTickets } from './draw-tickets.ts';
import type { Papers } from './read-papers.ts';
import { ticketFonts } from './ticket-fonts.ts';

const fonts = await ticketFonts();
const code = `F1${'0123456789ABCDEFGHJKMNPQRSTVWXYZ'.repeat(5).slice(0, 150)}`;
const seat = { section: 'Parkett', row: 'A', number: '7', gate: 'West' };

function papers(
  words: { event?: object; buyer?: string; seats?: readonly unknown[] } = {},
): Papers {
  const { event = {}, buyer = 'Ada Lovelace', seats = [seat] } = words;
  return {
    event: {
      name: 'Nachtschicht',
      startsAt: new Date('2035-05-02T18:00:00Z'),
      endsAt: null,
      doorsAt: new Date('2035-05-02T17:00:00Z'),
      timezone: 'Europe/Berlin',
      venueName: 'Halle Nord',
      ...event,
    },
    order: { id: 'ord_1', confirmedAt: '2035-05-01T10:00:00.000Z', buyer: { name: buyer } },
    tickets: seats.map((one, i) => ({
      ...{ id: `tkt_${i}`, code, typeName: 'Stalls', seat: one },
      price: { amount: 4_500, currency: 'EUR' },
    })),
    // Not all of an order, but all that is printed of it.
  } as unknown as Papers;
}

/** As a program reads it that shares no code with the one that drew it: the text of each page. */
async function textOf(pdf: Buffer): Promise<string[][]> {
  const document = await getDocument({ data: new Uint8Array(pdf), verbosity: 0 }).promise;
  const pages: string[][] = [];
  for (let number = 1; number <= document.numPages; number++) {
    const page = await document.getPage(number);
    expect(page.view).toEqual([0, 0, 595.28, 841.89]);
    const { items } = await page.getTextContent();
    pages.push(items.flatMap((item) => ('str' in item && item.str !== '' ? [item.str] : [])));
  }
  await document.destroy();
  return pages;
}

/** What is drawn on the first page, as the operators of PDF. */
function operatorsOf(pdf: Buffer): string {
  const start = pdf.indexOf('stream\n') + 'stream\n'.length;
  return inflateSync(pdf.subarray(start, pdf.indexOf('\nendstream', start))).toString('latin1');
}

// Its types speak of a member `default`; what the package gives is the function itself.
const scan = jsqr as unknown as typeof jsqr.default;

describe('a ticket on paper', () => {
  it('says what, when, where, for whom and how much, a page each', async () => {
    const places = [seat, 'Balcony-B-2', null];
    const [first = [], second = [], third = []] = await textOf(
      await drawTickets(papers({ seats: places }), fonts),
    );
    expect(first).toEqual([
      'Nachtschicht',
      expect.stringMatching(/^Wednesday,? 2 May 2035 at 20:00 (CEST|GMT\+2)$/),
      expect.stringMatching(/^Doors: Wednesday,? 2 May 2035 at 19:00 /),
      'Halle Nord',
      'Times are those of Europe/Berlin.',
      'Ticket 1 of 3',
      ...['Ticket type', 'Stalls', 'Section', 'Parkett', 'Row', 'A', 'Seat', '7', 'Gate', 'West'],
      ...['Price', '€45.00', 'Bought by', 'Ada Lovelace'],
      code.slice(0, 76),
      code.slice(76),
      'Ticket tkt_0',
      'Order ord_1',
      'Whoever shows this code first gets in: do not let others see it.',
    ]);
    expect(second.slice(6, 10)).toEqual(['Ticket type', 'Stalls', 'Seat', 'Balcony-B-2']);
    expect(third.slice(6, 9)).toEqual(['Ticket type', 'Stalls', 'Price']);
  });

  it('bears its code as a QR code that another program reads', async () => {
    const operators = operatorsOf(await drawTickets(papers(), fonts));
    const bars = [...operators.matchAll(/^([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re$/gm)].map(
      ([, ...numbers]) => numbers.map(Number),
    );
    expect(bars.length).toBeGreaterThan(300);
    const [left, top] = [0, 1].map((i) => Math.min(...bars.map((bar) => bar[i] ?? 0)));
    const side = 250;
    const rgba = new Uint8ClampedArray(side * side * 4).fill(255);
    for (const [x = 0, y = 0, width = 0, height = 0] of bars) {
      for (let row = Math.round(y - (top ?? 0)); row < Math.round(y - (top ?? 0) + height); row++) {
        const from = (row + 20) * side + 20 + Math.round(x - (left ?? 0));
        for (let i = 0; i < Math.round(width); i++)
          rgba.fill(0, (from + i) * 4, (from + i) * 4 + 3);
      }
    }
    expect(scan(rgba, side, side)?.data).toBe(code);
  });

  it('writes names of many scripts with fonts that it brings along', async () => {
    const names = ['Zoë Ångström-Żółć', 'Ünal Şahin', 'Ἀθηνᾶ Παπαδοπούλου', 'Наталія Ґрунт'];
    for (const buyer of [...names, 'Nguyễn Thị Hồng', 'Աննա', 'ნინო']) {
      const [page = []] = await textOf(await drawTickets(papers({ buyer }), fonts));
      expect(page).toContain(buyer.normalize('NFC'));
      expect(page.join(' ')).not.toContain('stands for');
    }
    const pdf = await drawTickets(papers({ buyer: 'Ada' }), fonts);
    expect(pdf.toString('latin1')).toMatch(/\/FontFile2 /);
    expect(pdf.toString('latin1')).not.toMatch(/Helvetica|Times-Roman/);
  });

  it('joins Arabic letters, and puts words in the order in which they are read', async () => {
    const event = { name: 'ליל 2035' };
    const [page = []] = await textOf(await drawTickets(papers({ event, buyer: 'نور' }), fonts));
    // Where a word stands, by its number in the page: the year is to the left of the night.
    expect(page[0]).toBe('2035');
    expect(page.join('|')).toContain('ליל');
    expect(page.join('|')).toContain('نور');
  });

  it('tells what it cannot draw', async () => {
    const [page = []] = await textOf(await drawTickets(papers({ buyer: '山田 Tarō' }), fonts));
    const text = page.join(' ');
    expect(text).toContain('\ufffd\ufffd Tarō');
    expect(text).toContain('stands for what the fonts of this document do not have: U+5C71 U+7530');
  });

  it('keeps all of a long name', async () => {
    const name = 'Eine sehr lange Nacht der langen Namen '.repeat(5).trim();
    const [page = []] = await textOf(await drawTickets(papers({ event: { name } }), fonts));
    const at = page.findIndex((text) => text.includes('2 May 2035'));
    expect(page.slice(0, at).join(' ')).toBe(name);
  });

  it('is the same to the byte each time', async () => {
    const first = await drawTickets(papers(), fonts);
    expect(first.equals(await drawTickets(papers(), fonts))).toBe(true);
    expect(first.equals(await drawTickets(papers({ buyer: 'Bob' }), fonts))).toBe(false);
  });

  it('comes in parts where there are many', async () => {
    const many = papers({ seats: Array.from({ length: 103 }, () => null) });
    const rest = await textOf(await drawTickets(many, fonts, 100));
    expect(rest.map((page) => page.find((text) => / of 103$/.test(text)))).toEqual([
      'Ticket 101 of 103',
      'Ticket 102 of 103',
      'Ticket 103 of 103',
    ]);
  });
});
