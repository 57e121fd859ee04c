/**
 * `npm test`: types, lint, unused code, then every test, each shown as it runs. At the end what was
 * skipped, with the reason, and as the very last line the counts. `npm test -- <filter>` hands the
 * filter to vitest. Nothing is left running and nothing is left in the temporary folder, also when
 * the tests, or an earlier run of this, were killed.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureReady, NotReady, root } from './setup.mjs';

const RUN_PREFIX = 'fanfare-test-';
/** How long a step may take to end after it was asked to; then it is killed. */
const END_MAX_MS = 15_000;
const SERVER_END_MAX_MS = 5_000;
const POLL_MS = 20;
const TOLD_TESTS_MAX = 40;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interrupt.abort());
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const runDir = makeRunDir();
try {
  await ensureReady({ needDev: true, build: false });
  await check('types', ['typescript', 'bin/tsc'], ['--noEmit']);
  await check('lint', ['@biomejs/biome', 'bin/biome'], ['check', '--error-on-warnings']);
  await check('unused code', ['knip', 'bin/knip.js'], []);
  await tests(process.argv.slice(2));
} catch (error) {
  fail(error);
}
await removeRun(runDir).catch(fail);
if (interrupt.signal.aborted) counts.failed = Math.max(counts.failed, 1);
process.exitCode = counts.failed > 0 ? 1 : 0;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);

function fail(error) {
  console.error(error instanceof NotReady ? error.message : error);
  counts.failed += 1;
}

/** One of the steps that either hold or do not. */
async function check(name, program, args) {
  if (interrupt.signal.aborted) return;
  const isFine = (await run(name, program, args)) === 0;
  counts[isFine ? 'passed' : 'failed'] += 1;
}

async function tests(args) {
  if (interrupt.signal.aborted) return;
  const results = join(runDir, 'results.json');
  const skips = join(runDir, 'skips');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const code = await run('tests', ['vitest', 'vitest.mjs'], ['run', ...reporters, ...args], {
    FANFARE_TEST_DIR: runDir,
    FANFARE_SKIPS: skips,
  });
  const files = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')).testResults : [];
  const failedBefore = counts.failed;
  for (const file of files) countFile(file);
  // Vitest also fails for what is no test: a setup that threw, an error that nobody caught.
  const hasFound = files.some(({ assertionResults }) => assertionResults.length > 0);
  if ((code !== 0 || !hasFound) && counts.failed === failedBefore) counts.failed += 1;
  if (counts.skipped > 0) tellSkipped(files, reasonsByFile(skips));
}

function countFile({ status, assertionResults }) {
  const having = (...wanted) => assertionResults.filter((test) => wanted.includes(test.status));
  const failed = having('failed').length;
  counts.passed += having('passed').length;
  counts.skipped += having('skipped', 'pending', 'todo', 'disabled').length;
  // A file that could not be loaded, or whose preparation failed, has no failed test to show.
  counts.failed += status === 'failed' ? Math.max(failed, 1) : failed;
}

function tellSkipped(files, reasons) {
  console.log('\nSkipped:');
  let left = TOLD_TESTS_MAX;
  for (const { name, assertionResults } of files) {
    const titles = assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName }) => fullName);
    if (titles.length === 0) continue;
    const path = relative(root, name);
    const because = reasons.get(path) ?? new Set(['no reason recorded']);
    console.log(`  ${titles.length} in ${path} (${[...because].join('; ')})`);
    for (const title of titles.slice(0, left)) console.log(`    ${title}`);
    left = Math.max(0, left - titles.length);
  }
  console.log('');
}

/** Written by test/kit/requires.ts, one line of JSON for each need that was not met. */
function reasonsByFile(skips) {
  const lines = existsSync(skips) ? readFileSync(skips, 'utf8').trim().split('\n') : [];
  const reasons = new Map();
  for (const { file, reason } of lines.map((line) => JSON.parse(line))) {
    if (!reasons.has(file)) reasons.set(file, new Set());
    reasons.get(file).add(reason);
  }
  return reasons;
}

/** Runs one tool in a process group of its own, so that whatever it leaves can be ended. */
async function run(name, [packageName, file], args, env = {}) {
  console.log(`\n— ${name}`);
  const child = spawn(process.execPath, [join(root, 'node_modules', packageName, file), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
  });
  let kill;
  const end = () => {
    signalGroup(child.pid, 'SIGINT');
    kill = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), END_MAX_MS);
  };
  interrupt.signal.addEventListener('abort', end);
  const code = await new Promise((resolve) => {
    child.on('error', () => resolve(null));
    child.on('exit', resolve);
  });
  interrupt.signal.removeEventListener('abort', end);
  clearTimeout(kill);
  signalGroup(child.pid, 'SIGKILL');
  return code;
}

function signalGroup(pid, signal) {
  signalOne(process.platform === 'win32' ? pid : -pid, signal);
}

function signalOne(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // Nothing of it is left, as it should be.
  }
}

/** PostgreSQL runs as another user where the tests run as root, and must get into the folder. */
function makeRunDir() {
  const base = tmpdir();
  const ours = readdirSync(base).filter((name) => name.startsWith(RUN_PREFIX));
  for (const name of ours) {
    const pid = Number(name.slice(RUN_PREFIX.length).split('-')[0]);
    if (!isAlive(pid)) removeRun(join(base, name)).catch(() => {});
  }
  const folder = mkdtempSync(join(base, `${RUN_PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** Ends the database servers of a run that could not end them itself, and removes its folder. */
async function removeRun(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const home = join(folder, entry.name);
    const pidFile = join(home, 'cluster', 'postmaster.pid');
    if (existsSync(pidFile)) await endServer(Number.parseInt(readFileSync(pidFile, 'utf8'), 10));
    removeSocketDir(join(home, 'socket'));
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

/** The launcher leaves a link to the folder that it made for the server's socket. */
function removeSocketDir(link) {
  if (!lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const target = readlinkSync(link);
  if (basename(target).startsWith('fanfare-pg-')) rmSync(target, { recursive: true, force: true });
}

async function endServer(pid) {
  const command = readCommand(pid);
  if (command !== null && !command.includes('postgres')) return;
  for (const signal of ['SIGQUIT', 'SIGKILL']) {
    const givenUpAt = Date.now() + SERVER_END_MAX_MS;
    signalOne(pid, signal);
    while (isAlive(pid) && Date.now() < givenUpAt) await sleep(POLL_MS);
  }
}

/** Null where the system does not tell. */
function readCommand(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return process.platform === 'linux' ? '' : null;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    const stat = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    return !/\) [ZX] /.test(stat);
  } catch (error) {
    return error.code === 'EPERM';
  }
}
