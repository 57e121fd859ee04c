import { expect, it } from 'vitest';
import { factOf, messageOf, numberOf } from './fact-envelope.ts';
import type { EventId } from './ids.ts';
import type { Relayed } from './relay.ts';

const fact: Relayed = {
  n: 42,
  eventId: 'evt_1' as EventId,
  seq: 7,
  kind: 'places_sold',
  version: 2,
  data: { holdId: 'hld_1', quantities: [2] },
  at: new Date('2035-05-02T10:00:00.123Z'),
};

it('a fact survives being published, and names itself for good', () => {
  const message = messageOf('facts', fact);
  expect(message).toMatchObject({ topic: 'facts', key: 'evt_1' });
  expect(message.headers).toEqual({
    'fact-id': 'evt_1:7',
    kind: 'places_sold',
    version: '2',
    n: '42',
  });
  expect(JSON.parse(message.value).id).toBe('evt_1:7');
  expect(factOf(message)).toEqual(fact);
  expect(numberOf(message)).toBe(42);
});

it('what stands beside a fact is no part of it', () => {
  const message = messageOf('ticket_availability', fact, { change: 'sold' });
  expect(JSON.parse(message.value).change).toBe('sold');
  expect(factOf(message)).toEqual(fact);
});

it.each([
  ['no JSON', { value: '{' }],
  ['no object', { value: '7' }],
  ['another shape', { value: '{"eventId":"evt_1","seq":1,"kind":"a","version":1}' }],
  ['a time that is none', { value: messageOf('facts', fact).value.replace('2035', 'soon') }],
  ['no number', { headers: { kind: 'a' } }],
])('%s is no fact', (_, wrong) => {
  expect(factOf({ ...messageOf('facts', fact), ...wrong })).toBeNull();
});
