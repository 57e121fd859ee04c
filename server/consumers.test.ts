import { describe, expect, it } from 'vitest';
import { readersOf } from './consumers.ts';
import { readConfig } from './kernel/config.ts';

const named = (env: Record<string, string>) => readersOf(readConfig(env)).map(({ name }) => name);

describe('who reads the facts', () => {
  it('D8 are notifications, waitlist and webhooks, each under a name of its own', () => {
    expect(named({})).toEqual(['notifications', 'waitlist', 'webhooks']);
  });

  it('is all but who tells buyers where NOTIFY is off', () => {
    expect(named({ NOTIFY: 'off' })).toEqual(['waitlist', 'webhooks']);
  });
});
