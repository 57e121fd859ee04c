/**
 * Where the cluster lives. As a rule that is the requested folder itself. Where Fanfare is root and
 * the unprivileged account cannot get there (a checkout below a closed home), the cluster lives in
 * a refuge outside, under a name made from the requested folder: stable over restarts, different
 * for two checkouts. A link in the requested folder leads there; deleting the requested folder
 * therefore still means starting afresh, and the data of before is set aside once, not deleted.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Account, chooseAccount, giveTreeTo, isReachable } from './account.ts';
import { codeOf, messageOf, PostgresUnavailable } from './unavailable.ts';

/** Holds data that must outlive a reboot, so not a cache or temporary folder. */
export const SYSTEM_REFUGE = '/var/lib/fanfare';

const LINK = 'moved-to';

export type Home = {
  readonly requestedDir: string;
  /** Holds `cluster`, `owner` and the log; differs from `requestedDir` when that is unreachable. */
  readonly homeDir: string;
  readonly account: Account;
};

export function chooseHome(dataDir: string, refugeDir: string): Home {
  const requestedDir = makeFolder(resolve(dataDir));
  const moved = readLink(join(requestedDir, LINK));
  const account = chooseAccount(join(moved ?? requestedDir, 'cluster'));
  if (moved) return { requestedDir, homeDir: makeFolder(moved), account };
  if (isReachable(requestedDir, account)) {
    return { requestedDir, homeDir: requestedDir, account };
  }
  const name = createHash('sha256').update(requestedDir).digest('hex').slice(0, 16);
  return { requestedDir, homeDir: makeFolder(join(makeFolder(refugeDir), name)), account };
}

/**
 * Called by the owner of `homeDir` only. Brings data that stands in the requested folder along,
 * sets data of an earlier, deleted requested folder aside, and leaves the link.
 */
export function settleIn(home: Home, say: (line: string) => void): void {
  const { requestedDir, homeDir, account } = home;
  if (homeDir === requestedDir || readLink(join(requestedDir, LINK))) return;
  const cluster = join(homeDir, 'cluster');
  if (existsSync(cluster)) {
    rmSync(`${cluster}.previous`, { recursive: true, force: true });
    renameSync(cluster, `${cluster}.previous`);
    say(`The database of an earlier ${requestedDir} was set aside as ${cluster}.previous.`);
  }
  const reachedNoMore = join(requestedDir, 'cluster');
  if (existsSync(reachedNoMore)) moveTree(reachedNoMore, cluster, account);
  symlinkSync(homeDir, join(requestedDir, LINK));
  say(
    `The database lives in ${homeDir}: PostgreSQL does not run as root, ` +
      `and its account cannot reach ${requestedDir}.`,
  );
}

/** The real path of the folder, made when it is missing, so that two names of it are one. */
function makeFolder(path: string): string {
  try {
    if (!existsSync(path)) {
      mkdirSync(path, { recursive: true });
      // Whatever the umask is: only `cluster` inside needs to be closed.
      chmodSync(path, 0o755);
    }
    return realpathSync(path);
  } catch (error) {
    throw new PostgresUnavailable(
      `The database folder ${path} cannot be made (${messageOf(error)}): ` +
        'set DATA_DIR to a folder that Fanfare may write, or set DATABASE_URL.',
    );
  }
}

function readLink(path: string): string | null {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  return entry?.isSymbolicLink() ? readlinkSync(path) : null;
}

function moveTree(from: string, to: string, account: Account): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    const half = `${to}.half`;
    rmSync(half, { recursive: true, force: true });
    cpSync(from, half, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    renameSync(half, to);
    renameSync(from, join(from, '..', `${basename(from)}.moved`));
  }
  if (account) giveTreeTo(account, to);
}
