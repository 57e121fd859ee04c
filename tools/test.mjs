/**
 * `npm test`: types, lint, unused code, then every test, each shown as it runs. At the end what was
 * skipped, with the reason, and as the very last line the counts. `npm test -- <filter>` hands the
 * filter to vitest. Nothing is left running and nothing is left in the temporary folder, also when
 * the tests, or an earlier run of this, were killed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ensureReady, NotReady, root } from './setup.mjs';

const RUN_PREFIX = 'fanfare-test-';
/** How long a step may take to end after it was asked to; then it is killed. */
const END_MAX_MS = 15_000;
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
rmSync(runDir, { recursive: true, force: true });
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
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // Nothing of it is left, as it should be.
  }
}

/** For the results and the reasons of skips; folders of runs that were killed go. */
function makeRunDir() {
  const base = tmpdir();
  for (const name of readdirSync(base).filter((name) => name.startsWith(RUN_PREFIX))) {
    const pid = Number(name.slice(RUN_PREFIX.length).split('-')[0]);
    if (!isAlive(pid)) rmSync(join(base, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(base, `${RUN_PREFIX}${process.pid}-`));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
