import { describe, expect, it } from 'vitest';
import { countInWindows } from './http-rates.ts';

describe('counting in windows', () => {
  it('counts a name from its first request on, for a minute', () => {
    let now = 1_000;
    const count = countInWindows(() => now);
    expect(count('a')).toMatchObject({ count: 1, endsInSeconds: 60 });
    now += 59_500;
    expect(count('a')).toMatchObject({ count: 2, endsInSeconds: 1 });
    expect(count('b')).toMatchObject({ count: 1, endsInSeconds: 60 });
    now += 500;
    expect(count('a')).toMatchObject({ count: 1, endsInSeconds: 60 });
  });

  it('keeps so many names, and lets the one go whose window began first', () => {
    let now = 0;
    const count = countInWindows(() => now, 3);
    for (const name of ['a', 'b', 'c']) count(name);
    now += 1_000;
    expect(count('b').count).toBe(2);
    count('d');
    expect(count('b').count).toBe(3);
    expect(count('c').count).toBe(2);
    expect(count('a').count).toBe(1);
  });
});
