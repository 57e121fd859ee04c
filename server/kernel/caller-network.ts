/**
 * Under which name a caller is counted, wherever something is counted by where it comes from.
 * Whoever has one IPv6 address has 2^64 of them: what a household is given is a /64 at least.
 */
import { isIPv6 } from 'node:net';
import { type Actor, isStaff } from './actor.ts';

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;
/** What stands before an IPv4 address that was written as an IPv6 one. */
const MAPPED = '0:0:0:0:0:ffff:';

/** The IPv4 address, also where it came as an IPv6 one; of other IPv6 addresses their /64. */
export function networkOf(address: string): string {
  const [bare = address] = address.split('%');
  if (!isIPv6(bare)) return address;
  const groups = groupsOf(bare);
  if (groups.join(':').startsWith(MAPPED)) return ipv4Of(groups.slice(-2));
  return `${groups.slice(0, GROUPS_OF_NETWORK).join(':')}::/64`;
}

/**
 * Whom limits count a caller as. A key that was given to a program counts for itself, wherever it
 * is used; those of fans count where they come from, because whoever signs in gets one more.
 */
export function countedAs(actor: Actor, network: string): string {
  return isStaff(actor) ? actor.keyId : network;
}

/** All eight, in the shortest form of each. */
function groupsOf(address: string): readonly string[] {
  // The parser writes an IPv4 address at the end as two groups, and zeros as `::`.
  const { hostname } = new URL(`http://[${address}]`);
  const [left = '', right = ''] = hostname.slice(1, -1).split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === '' ? [] : right.split(':');
  const zeros = Array<string>(GROUPS - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after];
}

function ipv4Of(groups: readonly string[]): string {
  const bytes = groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join('.');
}
