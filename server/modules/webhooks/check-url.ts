/** Which addresses may be written down; where their names lead to is checked at each attempt. */
import { isIP } from 'node:net';
import { isPublicAddress } from '../../kernel/public-address.ts';

const HTTPS_PORT = 443;
const FREE_PORTS_FROM = 1_024;
/** Ports from 1024 on that browsers send nothing to either (https://fetch.spec.whatwg.org). */
const REFUSED_PORTS = new Set([
  ...[1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566],
  ...[6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080],
  // Databases and what runs machines: some answer whoever asks.
  ...[2375, 2376, 2379, 3306, 5432, 6379, 6443, 9200, 10_250, 11_211, 27_017],
]);

/** What is wrong with the URL, as the end of a sentence; null where it may be used. */
export function urlProblem(text: string, allowPrivate: boolean): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url) return 'is not a URL';
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    return 'must start with https://';
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a name or a password';
  if (url.hash !== '') return 'must not have a fragment';
  if (allowPrivate) return null;
  const port = url.port === '' ? HTTPS_PORT : Number(url.port);
  if (port !== HTTPS_PORT && (port < FREE_PORTS_FROM || REFUSED_PORTS.has(port))) {
    return `must not name the port ${port}`;
  }
  return isLocal(url.hostname) ? 'must lead to a public address' : null;
}

/** As far as can be told without asking anybody. */
function isLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host)) return !isPublicAddress(host);
  return !host.includes('.') || /\.(?:localhost|local|internal|home\.arpa)$/.test(host);
}
