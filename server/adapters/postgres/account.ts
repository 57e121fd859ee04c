/**
 * PostgreSQL refuses to run as root. Where Fanfare is root, PostgreSQL runs as an existing
 * unprivileged account, and everything it needs must be reachable for that account; as anybody else
 * it runs as that user and none of this applies. No account is ever created on the host.
 */
import { chownSync, lchownSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PostgresUnavailable } from './unavailable.ts';

const NOBODY_ID = 65_534;

/** Null: run as whoever runs Fanfare. */
export type Account = { readonly uid: number; readonly gid: number } | null;

/** The owner of a cluster that exists, so that data made by a normal user opens for root too. */
export function chooseAccount(clusterDir: string): Account {
  if (process.getuid?.() !== 0) return null;
  const cluster = statSync(clusterDir, { throwIfNoEntry: false });
  return cluster && cluster.uid !== 0 ? { uid: cluster.uid, gid: cluster.gid } : nobody();
}

function nobody(): Account {
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const entry =
    entries.find(([name]) => name === 'nobody') ??
    entries.find(([, , uid]) => Number(uid) === NOBODY_ID);
  if (!entry) {
    throw new PostgresUnavailable(
      'PostgreSQL does not run as root and this system has no user "nobody": ' +
        'start Fanfare as another user, or set DATABASE_URL.',
    );
  }
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** May the account read this file, or enter and list this folder, through all folders above it? */
export function isReachable(path: string, account: Account): boolean {
  if (!account) return true;
  const target = statSync(path, { throwIfNoEntry: false });
  if (!target || !permits(target, account, target.isDirectory() ? 0o5 : 0o4)) return false;
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if (!permits(statSync(folder), account, 0o1)) return false;
    if (folder === dirname(folder)) return true;
  }
}

type Modes = { readonly uid: number; readonly gid: number; readonly mode: number };

function permits(entry: Modes, account: NonNullable<Account>, wanted: number): boolean {
  const shift = entry.uid === account.uid ? 6 : entry.gid === account.gid ? 3 : 0;
  return ((entry.mode >> shift) & wanted) === wanted;
}

/** Hands one entry over to the account; nothing to do where PostgreSQL runs as ourselves. */
export function giveTo(account: Account, path: string): void {
  if (account) chownSync(path, account.uid, account.gid);
}

/** A cluster restored or copied by root belongs to root, and PostgreSQL would refuse it. */
export function giveTreeTo(account: NonNullable<Account>, path: string): void {
  lchownSync(path, account.uid, account.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTreeTo(account, join(path, name));
}
