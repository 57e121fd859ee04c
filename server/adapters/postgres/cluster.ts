/**
 * The data folder of one cluster: made once, under a temporary name, so that what bears the name
 * `cluster` is always whole; checked at every start.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Account, giveTo, giveTreeTo } from './account.ts';
import type { Binaries } from './binaries.ts';
import { messageOf, PostgresUnavailable, unavailable } from './unavailable.ts';

const PASSWORD_FILE = 'fanfare.password';
const PASSWORD_BYTES = 24;
const HALF_MADE = 'cluster.new-';

export type ClusterPlace = {
  readonly homeDir: string;
  readonly account: Account;
  readonly binaries: Binaries;
};

/** PostgreSQL sees no variable of ours: PGPORT, PGDATA and the like would change its mind. */
export const CLEAN_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/** The folder of a whole cluster of our major version, made if there is none yet. */
export async function openCluster(
  place: ClusterPlace,
  options: { readonly durable: boolean; readonly say: (line: string) => void },
): Promise<string> {
  removeHalfMade(place.homeDir);
  const clusterDir = join(place.homeDir, 'cluster');
  if (!existsSync(clusterDir)) {
    options.say(`Making a PostgreSQL ${place.binaries.major} database in ${place.homeDir} …`);
    await makeCluster(place, clusterDir, options.durable);
  }
  checkOwner(clusterDir, place.account);
  checkVersion(clusterDir, place.binaries.major);
  return clusterDir;
}

/** The superuser's password, for connections that do not come through the private socket. */
export function readPassword(clusterDir: string): string {
  return readFileSync(join(clusterDir, PASSWORD_FILE), 'utf8').trim();
}

/** What a start that was killed has left; nobody else is at work here, the owner is us. */
function removeHalfMade(homeDir: string): void {
  for (const name of readdirSync(homeDir)) {
    if (!name.startsWith(HALF_MADE)) continue;
    // An initdb whose Fanfare was killed may still write for an instant.
    rmSync(join(homeDir, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

async function makeCluster(
  place: ClusterPlace,
  clusterDir: string,
  durable: boolean,
): Promise<void> {
  const half = join(place.homeDir, `${HALF_MADE}${randomBytes(4).toString('hex')}`);
  const passwordFile = `${half}.password`;
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  try {
    mkdirSync(half, { mode: 0o700 });
    giveTo(place.account, half);
    writeSecret(passwordFile, password, place.account);
    await runInitdb(place, half, passwordFile, durable);
    writeSecret(join(half, PASSWORD_FILE), password, place.account);
    if (durable) syncFolder(half);
    renameSync(half, clusterDir);
    if (durable) syncFolder(place.homeDir);
  } catch (error) {
    rmSync(half, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    if (error instanceof PostgresUnavailable) throw error;
    throw unavailable(
      `The database could not be made in ${place.homeDir}: set DATA_DIR to a folder ` +
        'that Fanfare may write and that has 100 MB free, or set DATABASE_URL.',
      messageOf(error),
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function runInitdb(
  place: ClusterPlace,
  dataDir: string,
  passwordFile: string,
  durable: boolean,
): Promise<void> {
  const args = [
    `--pgdata=${dataDir}`,
    '--username=postgres',
    '--encoding=UTF8',
    '--locale=C',
    // Same order and case rules on every machine: they come with PostgreSQL, not with the system.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    // The socket stands in a folder that only the account can enter.
    '--auth-local=trust',
    '--auth-host=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(join(place.binaries.binDir, 'initdb'), args, {
      cwd: place.homeDir,
      env: CLEAN_ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...place.account,
    });
    let said = '';
    const hear = (chunk: Buffer) => {
      said += chunk.toString('utf8');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => reject(cannotRun(error)));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Error(`${said}\ninitdb ended with ${signal ?? `code ${code}`}.`));
    });
  });
}

/** ENOENT for a file that is there means that its loader is missing: a system without glibc. */
export function cannotRun(error: Error): PostgresUnavailable {
  return unavailable(
    'The embedded PostgreSQL cannot be run on this system: set DATABASE_URL.',
    error.message,
  );
}

function checkVersion(clusterDir: string, major: string): void {
  const file = join(clusterDir, 'PG_VERSION');
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'unknown';
  if (found === major) return;
  throw new PostgresUnavailable(
    `The data in ${clusterDir} was made by PostgreSQL ${found}, and this Fanfare brings ` +
      `PostgreSQL ${major}: run the Fanfare that made it, or set DATA_DIR to another folder.`,
  );
}

/** Root hands the files over; anybody else cannot. PostgreSQL insists on both owner and mode. */
function checkOwner(clusterDir: string, account: Account): void {
  const cluster = statSync(clusterDir);
  const ownUid = process.getuid?.();
  if (account && cluster.uid !== account.uid) giveTreeTo(account, clusterDir);
  if (!account && ownUid !== undefined && cluster.uid !== ownUid) {
    throw new PostgresUnavailable(
      `The data in ${clusterDir} belongs to another user (uid ${cluster.uid}): ` +
        'start Fanfare as that user, or set DATA_DIR to another folder.',
    );
  }
  if ((cluster.mode & 0o077) !== 0) chmodSync(clusterDir, 0o700);
}

function writeSecret(path: string, secret: string, account: Account): void {
  writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  giveTo(account, path);
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
