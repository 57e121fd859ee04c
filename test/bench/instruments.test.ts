/** What the benches measure with: a wrong instrument is worse than none. */
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Load, perform } from '../../bench/inventory/callers.ts';
import { newHistogram, note, percentile } from '../../bench/inventory/histogram.ts';
import { parseOptions, WrongOption } from '../../bench/inventory/options.ts';
import { openReport, spreadOf } from '../../bench/inventory/report.ts';
import { allFree, judge, type Seat } from '../../bench/inventory/seats-oracle.ts';
import { count, newTally, rateBetween, refusedIn } from '../../bench/inventory/tally.ts';

describe('the histogram', () => {
  it.each([0.004, 0.1, 1.7, 42, 999, 30_000])('reads %d ms as at most 1.7 percent more', (ms) => {
    const histogram = newHistogram();
    note(histogram, ms);
    const seen = percentile(histogram, 0.5);
    expect(seen).toBeGreaterThanOrEqual(ms * 0.999);
    expect(seen).toBeLessThanOrEqual(ms * 1.017);
  });

  it('has the share that was asked for below it', () => {
    const histogram = newHistogram();
    for (let ms = 1; ms <= 100; ms += 1) note(histogram, ms);
    expect(percentile(histogram, 0.99)).toBeCloseTo(99, -0.5);
    expect(percentile(histogram, 0.5)).toBeGreaterThanOrEqual(50);
    expect(percentile(histogram, 0.5)).toBeLessThan(51);
    expect(percentile(newHistogram(), 0.5)).toBeNaN();
  });
});

describe('the tally', () => {
  it('keeps refusals out of rates and latencies', () => {
    const tally = newTally();
    const at = (now: number) => ({ startedAt: 0, dueAt: now - 5, now });
    for (const now of [50, 150, 250]) count(tally, { id: `hold ${now}` }, at(now));
    for (const now of [60, 160]) count(tally, { refused: 'sold_out' }, at(now));
    expect(refusedIn(tally)).toBe(2);
    expect(tally.ids).toHaveLength(3);
    expect(rateBetween(tally, 0, 0.2)).toBe(10);
    expect(rateBetween(tally, 0.2, 0.4)).toBe(5);
  });
});

describe('a figure', () => {
  it('is met on the right side of its bar only, and never where there is no number', () => {
    const report = openReport(true);
    const met = (bar: { atLeast: number } | { atMost: number } | null, value: number) => {
      report.figure({ says: 'x', bar, value });
      return report.figures.at(-1)?.isMet;
    };
    expect([met({ atLeast: 6 }, 6), met({ atLeast: 6 }, 5.9)]).toEqual([true, false]);
    expect([met({ atMost: 1.5 }, 1.5), met({ atMost: 1.5 }, 1.6)]).toEqual([true, false]);
    expect([met({ atLeast: 5 }, Number.NaN), met(null, 1)]).toEqual([false, null]);
  });

  it('is a median of rounds', () => {
    expect(spreadOf([9, 1, 5])).toEqual({ median: 5, low: 1, high: 9 });
    expect(spreadOf([4, 1])).toEqual({ median: 2.5, low: 1, high: 4 });
  });
});

describe('the oracle of seats', () => {
  const row = (picture: string) => [[...picture].map((seat) => seat === '.')];
  const at = (...seats: number[]): Seat[] => seats.map((seat) => ({ row: 0, seat }));

  it.each([
    ['....', 2, at(0, 1), 'adjacent'],
    ['....', 2, at(1, 2), 'left an orphan, though it need not'],
    ['...x', 2, at(0, 1), 'adjacent'],
    ['.x..', 2, at(0, 2), 'split, though a run was free'],
    ['.x.x', 2, at(0, 2), 'split, rightly'],
    ['.x..', 2, null, 'refused, though a run was free'],
    ['.x.x', 2, null, 'refused, though seats were free'],
    ['xx.x', 2, null, 'refused, rightly'],
  ] as const)('%s for %i', (picture, size, seats, verdict) => {
    expect(judge(row(picture), size, seats)).toBe(verdict);
  });

  it('starts with every seat free', () => {
    expect(allFree({ rows: 2, seatsPerRow: 3 })).toEqual([
      [true, true, true],
      [true, true, true],
    ]);
  });
});

describe('options', () => {
  it('are read, or told what is wrong', () => {
    const known = ['http', 'mix'];
    expect(parseOptions(['--only', 'http,mix', '--scale=0.1', '--rounds', '2'], known)).toEqual({
      ...{ only: ['http', 'mix'], scale: 0.1, rounds: 2, smoke: false },
    });
    expect(parseOptions(['--smoke'], known).smoke).toBe(true);
    for (const wrong of [['--only', 'htp'], ['--scale', '0'], ['--rounds'], ['mix']]) {
      expect(() => parseOptions(wrong, known)).toThrow(WrongOption);
    }
  });
});

describe('callers on sockets', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Answers whole requests without a framework, and remembers them. */
  async function listen(answer: (request: string, nth: number) => string) {
    const requests: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        requests.push(chunk.toString());
        const body = answer(chunk.toString(), requests.length);
        const status = body.includes('code') ? '409 Conflict' : '201 Created';
        // In two pieces, as it may come.
        socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n`);
        setImmediate(() => socket.write(`\r\n${body}`));
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return { port, requests };
  }

  const load = (port: number, more: Partial<Load>): Load => ({
    ...{ ports: [port], callers: 3, requestsPerPerson: 2, firstNumber: 0, seconds: 5 },
    ...{ requests: null, rate: null, keepIds: true, sampleEvery: 0 },
    templates: [{ method: 'POST', path: '/x', headers: { Key: 'k-$N' }, body: '{"p":"$P"}' }],
    ...more,
  });

  it('number their requests, tell refusals from holds and keep ids', async () => {
    const { port, requests } = await listen((_, nth) =>
      nth % 4 === 0 ? '{"code":"sold_out"}' : `{"id":"hold-${nth}"}`,
    );
    const tally = await perform(load(port, { requests: 12 }), () => {});
    expect(requests).toHaveLength(12);
    const keys = new Set(requests.map((text) => /Key: (\S+)/.exec(text)?.[1]));
    expect(keys.size).toBe(12);
    expect(new Set(requests.map((text) => /"p":"(\d+)"/.exec(text)?.[1])).size).toBe(6);
    expect(requests[0]).toContain('Content-Length: 17');
    expect(tally.granted).toBe(9);
    expect(tally.refusals).toEqual({ sold_out: 3 });
    expect(new Set(tally.ids).size).toBe(9);
  });

  it('count from when a request was due, under open load', async () => {
    const { port } = await listen(() => '{"id":"x"}');
    const tally = await perform(load(port, { rate: 200, seconds: 0.5 }), () => {});
    expect(tally.granted).toBeGreaterThanOrEqual(95);
    expect(tally.granted).toBeLessThanOrEqual(101);
    expect(tally.unanswered).toBe(0);
  });
});
