import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { firstHash, type Link, nextHash, recompute } from './timeline-chain.ts';

const EVENT = 'evt_00vtdzt3h1k4r';

function chainOf(lines: number): Link[] {
  let hash = firstHash(EVENT);
  return Array.from({ length: lines }, (_, i) => {
    const change = {
      position: i + 1,
      machine: 'order',
      objectId: `ord_${i}`,
      from: null,
      to: 'pending',
      actor: 'anonymous',
      requestId: null,
      at: '2035-05-02T10:00:00.012345Z',
      amountMinor: 2_500,
      note: 'seat "Ä" \\ 1\n',
    };
    hash = nextHash(hash, EVENT, change);
    return { ...change, hash: hash.toString('hex') };
  });
}

describe('G17 a timeline', () => {
  it('is hashed as the recipe says', () => {
    const [only] = chainOf(1);
    const line =
      '[1, "evt_00vtdzt3h1k4r", "order", "ord_0", null, "pending", "anonymous", null, ' +
      '"2035-05-02T10:00:00.012345Z", 2500, "seat \\"Ä\\" \\\\ 1\\n"]';
    const before = createHash('sha256').update(EVENT).digest();
    expect(only?.hash).toBe(
      createHash('sha256')
        .update(Buffer.concat([before, Buffer.from(line)]))
        .digest('hex'),
    );
  });

  it('recomputes to its head, from nothing on', () => {
    expect(recompute(EVENT, [])).toMatchObject({ ok: true, position: 0 });
    const links = chainOf(5);
    expect(recompute(EVENT, links)).toEqual({ ok: true, position: 5, hash: links[4]?.hash });
  });

  const changed = (at: number, more: Partial<Link>) => (links: Link[]) =>
    links.map((link, i) => (i === at ? { ...link, ...more } : link));
  it.each([
    ['a changed actor', changed(2, { actor: 'key_other' }), 3],
    ['a changed amount', changed(0, { amountMinor: 1 }), 1],
    ['a changed hash', changed(4, { hash: 'ff' }), 5],
    ['a line that is gone', (links: Link[]) => links.filter((_, i) => i !== 1), 2],
    ['two lines that changed places', ([a, b, ...rest]: Link[]) => [b, a, ...rest], 1],
    ['a line that is there twice', ([a, ...rest]: Link[]) => [a, a, ...rest], 2],
  ] as const)('shows %s', (_what, tamper, position) => {
    const links = tamper(chainOf(5)).filter((link) => link !== undefined);
    expect(recompute(EVENT, links)).toMatchObject({ ok: false, position });
  });

  it('of another event is another one', () => {
    expect(recompute('evt_other', chainOf(1))).toMatchObject({ ok: false, position: 1 });
  });
});
