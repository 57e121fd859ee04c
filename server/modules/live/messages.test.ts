import { describe, expect, it } from 'vitest';
import {
  changesBetween,
  encodeMessages,
  type PlacesAt,
  placesId,
  seenId,
  seenIn,
} from './messages.ts';

const state = (version: number, status: string, left: Record<string, number>): PlacesAt => ({
  id: `${version}-x`,
  body: {
    eventId: 'evt_1',
    version,
    status,
    ticketTypes: Object.entries(left).map(([id, available]) => ({ id, available, status })),
  },
});

describe('changes between two states', () => {
  it('are the ticket types that are different, and what they follow on', () => {
    const before = state(1, 'on_sale', { a: 3, b: 5 });
    expect(changesBetween(before, state(2, 'on_sale', { a: 3, b: 4 }))).toEqual([
      {
        event: 'availability',
        id: '2-x',
        data: {
          ...{ eventId: 'evt_1', version: 2, status: 'on_sale', since: '1-x' },
          ticketTypes: [{ id: 'b', available: 4, status: 'on_sale' }],
        },
      },
    ]);
  });

  it('name those that came and those that are gone', () => {
    const before = state(1, 'on_sale', { a: 3, b: 5 });
    const [message] = changesBetween(before, state(2, 'on_sale', { b: 5, c: 1 }));
    expect(message?.data).toMatchObject({ ticketTypes: [{ id: 'c' }], gone: ['a'] });
  });

  it('tell of the sale first, without an id of its own', () => {
    const messages = changesBetween(state(1, 'on_sale', { a: 1 }), state(2, 'sold_out', { a: 0 }));
    expect(messages.map(({ event, id }) => [event, id])).toEqual([
      ['status', null],
      ['availability', '2-x'],
    ]);
  });
});

describe('what goes over the wire', () => {
  it('is one line of data for each message, and an empty line after it', () => {
    const message = { event: 'changed', data: { text: 'two\nlines' }, id: '7' };
    expect(encodeMessages([message], 2_000).toString()).toBe(
      'retry: 2000\n\nevent: changed\nid: 7\ndata: {"text":"two\\nlines"}\n\n',
    );
    expect(encodeMessages([{ ...message, id: null }]).toString()).not.toContain('id:');
  });

  it('names a state by its version and its form', () => {
    const { body } = state(42, 'on_sale', { a: 1 });
    const [open, paused] = [placesId(body, 'open'), placesId(body, 'paused')];
    expect(open).toMatch(/^42-[\w-]{8}$/);
    expect(open).not.toBe(paused);
  });

  it('names what an order was, and reads only what it could have sent', () => {
    const seen = { seq: 7, status: 'partially_refunded' };
    expect(seenIn(seenId(seen))).toEqual(seen);
    const others = ['7', '', '-1-open', '7.5-open', 'x', '7-', '7-Open', '7-a\n', null];
    for (const other of [...others, `${'9'.repeat(20)}-open`]) expect(seenIn(other)).toBeNull();
  });
});
