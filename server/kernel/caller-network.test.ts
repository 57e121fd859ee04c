import { describe, expect, it } from 'vitest';
import { type Actor, anonymous } from './actor.ts';
import { countedAs, networkOf } from './caller-network.ts';
import type { OrganizerId } from './ids.ts';

describe('the network of a caller', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::2', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['unknown', 'unknown'],
    ['', ''],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('who is counted', () => {
  const key = (scopes: readonly string[]): Actor => ({
    kind: 'key',
    keyId: 'key_1',
    role: 'any',
    // Any organizer will do.
    organizerId: 'org_1' as OrganizerId,
    platform: false,
    userId: null,
    scopes: new Set(scopes),
  });

  it('is the key of a program, and the network of everybody else', () => {
    expect(countedAs(key(['orders:read']), '192.0.2.1')).toBe('key_1');
    expect(countedAs(key([]), '192.0.2.1')).toBe('192.0.2.1');
    expect(countedAs(anonymous, '192.0.2.1')).toBe('192.0.2.1');
  });
});
