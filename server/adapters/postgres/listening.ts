/**
 * Where the server listens: a socket in a private folder (mode 0700, owned by PostgreSQL's account)
 * where that is possible, else a free port of the loopback interface with a password.
 */
import { lstatSync, mkdtempSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Account, giveTo, isReachable } from './account.ts';

const PREFIX = 'fanfare-pg-';
const LINK = 'socket';
/** The file is `.s.PGSQL.5432` in a folder of its own, so the number can be the same everywhere. */
const SOCKET_PORT = 5432;
/** sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included. */
const SOCKET_PATH_MAX_BYTES = 103;
const SOCKET_NAME_BYTES = '/.s.PGSQL.5432.lock'.length;

export type Listening = { readonly socketDir: string | null; readonly port: number };

/** Folders that a private socket folder may be made in, best first. */
export function usualSocketBases(): readonly string[] {
  return process.platform === 'win32' ? [] : [...new Set([tmpdir(), '/tmp', '/var/tmp'])];
}

/** A fresh place to listen; `base` null means the loopback interface. */
export async function makeListening(
  base: string | null,
  options: {
    readonly homeDir: string;
    readonly account: Account;
    readonly choosePort: () => Promise<number>;
  },
): Promise<Listening> {
  const { homeDir, account } = options;
  removeSocketDir(homeDir);
  if (base === null) return { socketDir: null, port: await options.choosePort() };
  const socketDir = mkdtempSync(join(base, PREFIX));
  giveTo(account, socketDir);
  symlinkSync(socketDir, join(homeDir, LINK));
  return { socketDir, port: SOCKET_PORT };
}

/** Short enough for a socket, and the account may enter it. */
export function canHoldSocket(base: string, account: Account): boolean {
  const longest = Buffer.byteLength(join(base, `${PREFIX}XXXXXX`)) + SOCKET_NAME_BYTES;
  return (
    longest <= SOCKET_PATH_MAX_BYTES &&
    statSync(base, { throwIfNoEntry: false })?.isDirectory() === true &&
    isReachable(base, account)
  );
}

/**
 * A link in the data folder leads to the socket folder: for people with a client of their own, and
 * for the next start, which removes what a server that was not stopped by us has left. Call it only
 * when no server runs on this data folder. Never removes what we have not made.
 */
export function removeSocketDir(homeDir: string): void {
  const link = join(homeDir, LINK);
  if (!lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const socketDir = readlinkSync(link);
  if (basename(socketDir).startsWith(PREFIX)) rmSync(socketDir, { recursive: true, force: true });
  rmSync(link, { force: true });
}

export function listeningSettings(listening: Listening): Readonly<Record<string, string>> {
  const { socketDir, port } = listening;
  return {
    port: String(port),
    listen_addresses: socketDir === null ? '127.0.0.1' : '',
    // A list of quoted names: a temporary folder may have a comma or a space in its path.
    unix_socket_directories: socketDir === null ? '' : `"${socketDir}"`,
    unix_socket_permissions: '0700',
  };
}

/** Understood by `URL`, `pg` and libpq alike: `host` as a parameter wins over the name. */
export function urlOf(listening: Listening, database: string, password: () => string): string {
  const { socketDir, port } = listening;
  return socketDir === null
    ? `postgresql://postgres:${encodeURIComponent(password())}@127.0.0.1:${port}/${database}`
    : `postgresql://postgres@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}`;
}

/** Free when it was looked at; somebody may take it before the server does. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      // A listening TCP server has an address object, never a name.
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
