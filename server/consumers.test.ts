import { describe, expect, it } from 'vitest';
import { readersOf } from './consumers.ts';
import { readConfig } from './kernel/config.ts';
import type { EventId } from './kernel/ids.ts';

const named = (env: Record<string, string>) => readersOf(readConfig(env)).map(({ name }) => name);

describe('who reads the facts', () => {
  it('D8 are notifications, waitlist and webhooks, each under a name of its own', () => {
    expect(named({})).toEqual(['notifications', 'waitlist', 'webhooks']);
  });

  it('D9 an offer that cannot be told of holds up no other one of its event', () => {
    const waitlist = readersOf(readConfig({})).find(({ name }) => name === 'waitlist');
    const eventId = 'evt_1' as EventId;
    const about = { n: 1, eventId, seq: 1, version: 1, at: new Date(0) };
    const offers = ['off_1', 'off_2'].map((offerId) => ({
      ...about,
      kind: 'offer_made',
      data: { offerId },
    }));
    const moved = { ...about, kind: 'event_rescheduled', data: {} };
    const keys = [...offers, moved].map((fact) => waitlist?.keyOf(fact));
    expect(keys).toEqual(['off_1', 'off_2', 'evt_1']);
  });

  it('is all but who tells buyers where NOTIFY is off', () => {
    expect(named({ NOTIFY: 'off' })).toEqual(['waitlist', 'webhooks']);
  });
});
