/**
 * Makes a clone ready to run: Node new enough, the locked dependencies installed, the sources
 * compiled to `dist/`. Plain JavaScript without dependencies, because it runs before there are any,
 * and because Node 20 cannot run TypeScript. When everything is in place it costs some hundred
 * stat calls and starts no process.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_NODE = [20, 19];
const LOCK_POLL_MS = 100;
/** Another machine's or container's process cannot be looked at; no setup takes this long. */
const FOREIGN_LOCK_MAX_MS = 10 * 60_000;
const TOLD_LINES_MAX = 12;

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modules = join(root, 'node_modules');
const dist = join(root, 'dist');
const installedStamp = join(modules, '.fanfare-installed');
const builtStamp = join(dist, '.fanfare-built');

/** The compiled command line. */
const mainFile = join(dist, 'server', 'cli', 'main.js');
/** The same in a few files; missing where a system has no bundler. */
const bundleFile = join(dist, 'bundle', 'main.js');

/** What to run, once all is ready: it exports `main(argv)`, which resolves to the exit code. */
export function mainUrl() {
  return pathToFileURL(existsSync(bundleFile) ? bundleFile : mainFile).href;
}

/** The message is a sentence for people: what is missing and what to do. */
export class NotReady extends Error {
  name = 'NotReady';
}

/**
 * Without `needDev` a production image is left as it is: `dist/` built, no development tools.
 * Without `build` nothing is compiled.
 */
export async function ensureReady({ needDev = true, build = true, quiet = false } = {}) {
  checkNode();
  if (!needDev && isPrebuilt()) return;
  const isReady = () => isInstalled() && (!build || isBuilt());
  if (isReady()) return;
  const say = quiet ? () => {} : (line) => process.stderr.write(`${line}\n`);
  try {
    await withLock(say, async () => {
      if (!isInstalled()) await install(say);
      if (build && !isBuilt()) await compile(say);
    });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(error.code)) throw error;
    throw new NotReady(`Fanfare cannot be set up in ${root}: ${error.message}.`);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new NotReady(
    `Fanfare needs Node ${OLDEST_NODE.join('.')} or newer and this is ${process.versions.node}: ` +
      'install Node 24 and run the same command again.',
  );
}

function isPrebuilt() {
  const hasModules = existsSync(join(modules, '.package-lock.json'));
  return hasModules && existsSync(mainFile) && !existsSync(join(modules, 'typescript'));
}

/**
 * Our stamp is written after an install that ended well. Without it, what npm noted at the end of
 * an install of its own decides, so that somebody's `npm ci` is not repeated, maybe offline.
 */
function isInstalled() {
  const wanted = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = hashOf(wanted);
  if (readOr(installedStamp, '') === stamp) return true;
  const noted = readOr(join(modules, '.package-lock.json'), '');
  if (noted === '' || !holdsAll(JSON.parse(wanted).packages, JSON.parse(noted).packages)) {
    return false;
  }
  writeIfPossible(installedStamp, stamp);
  return true;
}

/** Optional packages may be missing: most are for other systems. */
function holdsAll(wanted, noted) {
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || noted[path]?.version === version || (optional && !noted[path]),
  );
}

async function install(say) {
  say('Installing the dependencies (a minute or two, the first time only) …');
  const startedAt = Date.now();
  rmSync(installedStamp, { force: true });
  // The development packages are asked for even under NODE_ENV=production: the compiler is one.
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const [command, ...args] = npm('ci', ...options, '--prefer-offline', '--loglevel=error');
  const { code, said } = await run(command, args, { shell: process.platform === 'win32' });
  if (code !== 0) {
    throw new NotReady(
      `The dependencies could not be installed, "npm ci" ended with ${code}: ` +
        `see what it says, check the network, and run the same command again.${told(said)}`,
    );
  }
  writeFileSync(installedStamp, hashOf(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  say(`Dependencies installed in ${secondsSince(startedAt)} s.`);
}

/** The npm that runs us, else the one on the path. */
function npm(...args) {
  const cli = process.env.npm_execpath;
  if (cli && basename(cli) === 'npm-cli.js' && existsSync(cli)) {
    return [process.execPath, cli, ...args];
  }
  return ['npm', ...args];
}

function isBuilt() {
  return existsSync(mainFile) && readOr(builtStamp, '') === hashOfSources();
}

async function compile(say) {
  say('Building …');
  const startedAt = Date.now();
  const stamp = hashOfSources();
  // What the compiler believes to have written before is not there: it must write everything.
  if (!existsSync(mainFile)) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  rmSync(builtStamp, { force: true });
  const tsc = join(modules, 'typescript', 'bin', 'tsc');
  // Types are checked by `npm test`; a start need not wait for them (2 s instead of 9 s).
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--pretty', 'false'];
  const { code, said } = await run(process.execPath, args);
  if (code !== 0) {
    throw new NotReady(`The sources could not be built, "tsc" ended with ${code}.${told(said)}`);
  }
  removeOrphans(dist, dirname(bundleFile));
  if (!existsSync(mainFile)) {
    throw new NotReady('The sources are not complete: server/cli/main.ts is missing.');
  }
  await bundle(say);
  writeFileSync(builtStamp, stamp);
  say(`Built in ${secondsSince(startedAt)} s.`);
}

/** Nothing but the time of a start depends on it: without it the compiler's files are run. */
async function bundle(say) {
  if (!existsSync(join(modules, 'rolldown'))) return rmSync(bundleFile, { force: true });
  const { code, said } = await run(process.execPath, [join(root, 'tools', 'bundle.mjs')]);
  if (code === 0) return;
  rmSync(bundleFile, { force: true });
  say(`It starts slower than it could: the bundler ended with ${code}.${told(said)}`);
}

/** A module whose source is gone must not be found any more. */
function removeOrphans(folder, but) {
  for (const [path] of filesIn(folder, (name) => name.endsWith('.js'))) {
    if (path.startsWith(but)) continue;
    const source = join(root, path.slice(dist.length).replace(/\.js$/, '.ts'));
    if (existsSync(source)) continue;
    rmSync(path, { force: true });
    rmSync(`${path}.map`, { force: true });
  }
}

/** Names, sizes and times of all that goes into the build. */
function hashOfSources() {
  const isSource = (name) => name.endsWith('.ts') && !name.endsWith('.test.ts');
  const folders = ['server', 'bench', 'test/kit', 'test/simulation', 'tools'].map((name) =>
    join(root, name),
  );
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  const files = [
    ...folders.flatMap((folder) => filesIn(folder, isSource)),
    ...[...settings, join('tools', 'bundle.mjs')]
      .map((name) => join(root, name))
      .flatMap((path) => (existsSync(path) ? [[path, statSync(path)]] : [])),
  ];
  const lines = files.map(([path, { size, mtimeMs }]) => `${path} ${size} ${mtimeMs}`);
  return hashOf(lines.sort().join('\n'));
}

function filesIn(folder, isWanted) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path, isWanted);
    return isWanted(entry.name) ? [[path, statSync(path)]] : [];
  });
}

/** Runs to the end; a signal for us ends the child too, so nothing is left working behind. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...options,
    });
    let said = '';
    let interruptedBy;
    const interrupt = (signal) => {
      interruptedBy = signal;
      child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupt);
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (said += chunk));
    const settle = (finish) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupt);
      if (interruptedBy) process.kill(process.pid, interruptedBy);
      else finish();
    };
    child.on('error', (error) =>
      settle(() => reject(new NotReady(`"${command}" cannot be run: ${error.message}.`))),
    );
    child.on('close', (code, signal) => settle(() => resolve({ code: code ?? signal, said })));
  });
}

/** npm and tsc name the cause first and explain afterwards. */
function told(said) {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(0, TOLD_LINES_MAX)
    .map((line) => `\n  ${line}`)
    .join('');
}

/**
 * One setup at a time in a clone; others wait for it. Everybody writes a claim of its own and then
 * looks at the others', so that nobody ever has to take a lock away from a process that died:
 * claims of the dead are not counted. (The same protocol as in server/adapters/postgres/owner.ts,
 * where it is explained; that one refuses instead of waiting.)
 */
async function withLock(say, work) {
  const folder = join(root, '.data', 'setup');
  mkdirSync(folder, { recursive: true });
  const id = `${process.pid}-${randomBytes(6).toString('hex')}`;
  let hasSaid = false;
  try {
    for (;;) {
      writeClaim(folder, id);
      const rivals = liveClaims(folder).filter((rival) => rival.id !== id);
      if (rivals.length === 0) break;
      if (rivals.some((rival) => rival.held || rival.id < id)) removeClaim(folder, id);
      if (!hasSaid) say('Another command is setting this folder up; waiting for it …');
      hasSaid = true;
      await sleep(LOCK_POLL_MS);
    }
    writeFileSync(join(folder, `${id}.held`), '');
    await work();
  } finally {
    removeClaim(folder, id);
  }
}

function liveClaims(folder) {
  return readdirSync(folder).flatMap((file) => {
    if (!file.endsWith('.claim')) return [];
    const id = file.slice(0, -'.claim'.length);
    try {
      const path = join(folder, file);
      const claim = JSON.parse(readFileSync(path, 'utf8'));
      const isLive =
        claim.host === hostname()
          ? startOf(claim.pid) === claim.start && claim.start !== null
          : Date.now() - statSync(path).mtimeMs < FOREIGN_LOCK_MAX_MS;
      if (isLive) return [{ id, held: existsSync(join(folder, `${id}.held`)) }];
    } catch (error) {
      if (error.code === 'ENOENT') return [];
    }
    removeClaim(folder, id);
    return [];
  });
}

function writeClaim(folder, id) {
  const path = join(folder, `${id}.claim`);
  if (existsSync(path)) return;
  const claim = { pid: process.pid, start: startOf(process.pid), host: hostname() };
  writeFileSync(`${path}.half`, JSON.stringify(claim));
  renameSync(`${path}.half`, path);
}

function removeClaim(folder, id) {
  for (const end of ['held', 'claim']) rmSync(join(folder, `${id}.${end}`), { force: true });
}

/** Tells a process from a later one with its number, where the system says; null for a dead one. */
function startOf(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return null;
  }
  const stat = readOr(`/proc/${pid}/stat`, '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function writeIfPossible(path, text) {
  try {
    writeFileSync(path, text);
  } catch {
    // Somebody else's installation: it is looked at again next time.
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

function secondsSince(startedAt) {
  return ((Date.now() - startedAt) / 1_000).toFixed(1);
}
