/** `npm test` itself, over tools that do as they are told: what it counts, prints and leaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../server/kernel/root.ts';

const POLL_MS = 10;
let clone: string;
let temporary: string;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-npm-test-'));
  clone = join(folder, 'a clone');
  temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  put('package.json', '{"type":"module"}');
  put('package-lock.json', '{"packages":{}}');
  put('node_modules/.package-lock.json', '{"packages":{}}');
  put('node_modules/package.json', '{"type":"commonjs"}');
  for (const file of ['tools/setup.mjs', 'tools/test.mjs']) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(join(projectRoot, file), join(clone, file));
  }
  put('node_modules/typescript/bin/tsc', 'process.exit(Number(process.env.TSC ?? 0))');
  put('node_modules/@biomejs/biome/bin/biome', 'process.exit(Number(process.env.BIOME ?? 0))');
  put('node_modules/knip/bin/knip.js', 'process.exit(Number(process.env.KNIP ?? 0))');
  put('node_modules/vitest/vitest.mjs', vitest);
});

afterAll(() => {
  rmSync(dirname(clone), { recursive: true, force: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

/** Writes the results it is given; with STRAY it also leaves a process, as a bad test would. */
const vitest = `
  import { spawn } from 'node:child_process';
  import { writeFileSync } from 'node:fs';
  const { RESULTS, SKIPS, STRAY, HANG, EXIT, FANFARE_SKIPS } = process.env;
  const [output] = process.argv.filter((arg) => arg.startsWith('--outputFile.json='));
  console.log('arguments: ' + process.argv.slice(-1));
  if (RESULTS) writeFileSync(output.slice('--outputFile.json='.length), RESULTS);
  if (SKIPS) writeFileSync(FANFARE_SKIPS, SKIPS);
  if (STRAY) {
    const stray = spawn('sleep', ['600'], { stdio: 'ignore' });
    stray.unref();
    writeFileSync(STRAY, String(stray.pid));
  }
  if (HANG) setInterval(() => {}, 1_000);
  else process.exitCode = Number(EXIT ?? 0);
`;

const file = (status: string, ...statuses: readonly string[]) => ({
  name: join(clone, 'server', 'x.test.ts'),
  status,
  assertionResults: statuses.map((one, i) => ({ status: one, fullName: `test ${i}` })),
});

function begin(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(process.execPath, [join(clone, 'tools', 'test.mjs'), ...args], {
    cwd: tmpdir(),
    env: { ...process.env, TMPDIR: temporary, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => {
    const lines = out.trimEnd().split('\n');
    return { code, out, last: lines.at(-1) };
  });
  return { child, ended };
}

async function npmTest(
  results: readonly object[],
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  return begin({ RESULTS: JSON.stringify({ testResults: results }), ...env }, args).ended;
}

const processEnded = async (pid: number) => {
  while (existsSync(`/proc/${pid}`)) await sleep(POLL_MS);
};

describe('npm test', () => {
  it('counts each test and each step, and ends with the counts', async () => {
    const { code, last } = await npmTest([file('passed', 'passed', 'passed')]);
    expect({ code, last }).toEqual({ code: 0, last: '5 passed, 0 failed, 0 skipped' });
  });

  it.each(['TSC', 'BIOME', 'KNIP'])(
    'fails when %s fails, and still runs the rest',
    async (tool) => {
      const { code, last } = await npmTest([file('passed', 'passed')], { [tool]: '1' });
      expect({ code, last }).toEqual({ code: 1, last: '3 passed, 1 failed, 0 skipped' });
    },
  );

  it('counts failed tests, and a file that failed without one', async () => {
    const results = [file('failed', 'passed', 'failed', 'failed'), file('failed', 'skipped')];
    const { code, last } = await npmTest(results, { EXIT: '1' });
    expect({ code, last }).toEqual({ code: 1, last: '4 passed, 3 failed, 1 skipped' });
  });

  it('fails when the tests fail without a test that failed', async () => {
    const { code, last } = await npmTest([file('passed', 'passed')], { EXIT: '1' });
    expect({ code, last }).toEqual({ code: 1, last: '4 passed, 1 failed, 0 skipped' });
  });

  it('fails when there are no results at all', async () => {
    const { code, last } = await begin({ EXIT: '1' }).ended;
    expect({ code, last }).toEqual({ code: 1, last: '3 passed, 1 failed, 0 skipped' });
  });

  it('fails when no test ran', async () => {
    const { code, last } = await npmTest([]);
    expect({ code, last }).toEqual({ code: 1, last: '3 passed, 1 failed, 0 skipped' });
  });

  it('lists what was skipped with the reason', async () => {
    const reason = JSON.stringify({ file: 'server/x.test.ts', reason: 'no Chromium' });
    const results = [file('passed', 'passed', 'skipped', 'pending')];
    const { code, out, last } = await npmTest(results, { SKIPS: `${reason}\n${reason}\n` });
    expect(out).toContain('2 in server/x.test.ts (no Chromium)\n    test 1\n    test 2\n');
    expect({ code, last }).toEqual({ code: 0, last: '4 passed, 0 failed, 2 skipped' });
  });

  it('hands a filter on', async () => {
    const { out } = await npmTest([file('passed', 'passed')], {}, ['adapters']);
    expect(out).toContain('arguments: adapters');
  });
});

describe.skipIf(process.platform !== 'linux')('nothing is left', () => {
  it('of what a test started and forgot', async () => {
    const note = join(clone, 'stray');
    await npmTest([file('passed', 'passed')], { STRAY: note });
    await processEnded(Number(readFileSync(note, 'utf8')));
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('when the run is told to end, and the counts say that it did not pass', async () => {
    const note = join(clone, 'stray too');
    const run = begin({ STRAY: note, HANG: '1' });
    while (!existsSync(note) || readFileSync(note, 'utf8') === '') await sleep(POLL_MS);
    run.child.kill('SIGTERM');
    const { code, last } = await run.ended;
    expect(code).toBe(1);
    expect(last).toMatch(/^3 passed, [12] failed, 0 skipped$/);
    await processEnded(Number(readFileSync(note, 'utf8')));
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('of an earlier run that was killed', async () => {
    const run = begin({});
    while (!readdirSync(temporary).some((name) => name.startsWith('fanfare-')))
      await sleep(POLL_MS);
    run.child.kill('SIGKILL');
    await run.ended;
    expect(readdirSync(temporary)).toHaveLength(1);
    await npmTest([file('passed', 'passed')]);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
