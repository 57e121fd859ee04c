import { describe, expect, it } from 'vitest';
import {
  type Actor,
  actorLabel,
  anonymous,
  buyingPerson,
  callerOf,
  isStaffOf,
  type Key,
  keyOf,
} from './actor.ts';
import type { OrganizerId, UserId } from './ids.ts';

const key = (more: Partial<Key> = {}): Key => ({
  kind: 'key',
  keyId: 'key_1',
  role: 'admin',
  organizerId: 'org_1' as OrganizerId,
  platform: false,
  userId: null,
  scopes: new Set(['events:write']),
  ...more,
});
const fan = key({ userId: 'usr_1' as UserId, scopes: new Set() });
const guest = (more: Partial<Extract<Actor, { kind: 'anonymous' }>>): Actor => ({
  kind: 'anonymous',
  device: null,
  accessToken: null,
  ...more,
});

describe('who buys', () => {
  it('is the person of a personal key, and nobody that a key of staff belongs to', () => {
    expect(buyingPerson(fan)).toBe('usr_1');
    expect(buyingPerson(key({ userId: 'usr_1' as UserId }))).toBeNull();
    expect(buyingPerson(key())).toBeNull();
    expect(buyingPerson(guest({ accessToken: 'at_x' }))).toBeNull();
  });
});

describe('who asks', () => {
  it('is staff with the scope, of their own organizer', () => {
    expect(isStaffOf(key(), 'org_1', 'events:write')).toBe(true);
    expect(isStaffOf(key(), 'org_2', 'events:write')).toBe(false);
    expect(isStaffOf(key(), 'org_1', 'orders:read')).toBe(false);
    expect(isStaffOf(key({ platform: true }), 'org_2', 'events:write')).toBe(true);
    expect(isStaffOf(key({ platform: true }), 'org_2', 'orders:read')).toBe(false);
    expect(isStaffOf(anonymous, 'org_1', 'events:write')).toBe(false);
  });

  it('is a key where only keys can come', () => {
    expect(keyOf(fan)).toBe(fan);
    expect(() => keyOf(anonymous)).toThrow('an anonymous caller passed the access check');
  });

  it('is an id in the audit log, never a name or a secret', () => {
    const buyer = guest({ accessToken: 'at_secret' });
    expect([key(), fan, buyer, anonymous].map(actorLabel)).toEqual([
      'key_1',
      'usr_1',
      'buyer',
      'anonymous',
    ]);
  });
});

describe('the name of a caller', () => {
  it('is the person’s, whichever of their keys they use', () => {
    expect(callerOf(fan)).toBe('usr_1');
    expect(callerOf(key({ keyId: 'key_2' }))).toBe('key_2');
  });

  it('is told apart by device, token or neither, and holds no secret', () => {
    const callers = [
      guest({ device: 'device-one-secret' }),
      guest({ device: 'device-two-secret' }),
      guest({ device: 'device-one-secret', accessToken: 'at_secret' }),
      guest({ accessToken: 'at_secret' }),
      guest({ accessToken: 'device-one-secret' }),
      anonymous,
    ].map(callerOf);
    expect(callers[2]).toBe(callers[0]);
    expect(new Set(callers).size).toBe(5);
    expect(callers.join()).not.toContain('secret');
    expect(callers.at(-1)).toBe('anonymous');
  });
});
