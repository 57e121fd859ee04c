/**
 * Which addresses the server may be sent to by people who use it: public ones. Everything that the
 * registries of special addresses call private, local, reserved or translated is refused
 * (https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry), and
 * the metadata addresses of clouds that stand outside of those.
 */
import { BlockList, isIP } from 'node:net';

const REFUSED_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, and what is reserved for later, with the broadcast address.
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure answers its machines here.
  ['168.63.129.16', 32],
];

/** Of 2000::/3; all else (loopback, mapped and translated, unique local, multicast) is refused. */
const REFUSED_IPV6: readonly (readonly [string, number])[] = [
  // With Teredo, whose addresses contain others.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: contains an IPv4 address.
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const ipv4 = new BlockList();
for (const [net, bits] of REFUSED_IPV4) ipv4.addSubnet(net, bits, 'ipv4');
const ipv6 = new BlockList();
for (const [net, bits] of REFUSED_IPV6) ipv6.addSubnet(net, bits, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** Whether `address`, written as an IP address, can be reached over the public internet. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !ipv4.check(address, 'ipv4');
    case 6:
      // What has a zone is local to a link.
      return (
        !address.includes('%') && global6.check(address, 'ipv6') && !ipv6.check(address, 'ipv6')
      );
    default:
      return false;
  }
}
