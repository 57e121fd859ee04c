/**
 * The setup in clones made for the purpose, with an npm and a compiler that only note that they
 * were called: what matters here is when they are called, and what is said.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../server/kernel/root.ts';

const POLL_MS = 10;
const begun: ChildProcess[] = [];
let folder: string;
let clone: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-setup-'));
});

afterEach(() => {
  begun.splice(0).forEach(killGroup);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  clone = join(folder, `a clone ${++count}`);
  for (const path of ['bin/fanfare.mjs', 'tools/setup.mjs']) {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    cpSync(join(projectRoot, path), join(clone, path));
  }
  put('package.json', JSON.stringify({ name: 'clone', type: 'module' }));
  put('tsconfig.json', '{}');
  put('tsconfig.build.json', '{}');
  put('npm/npm-cli.js', npm);
  put('server/cli/main.ts', main);
  lock({ typescript: '7.0.2' });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

function lock(versions: Readonly<Record<string, string>>): void {
  const packages: Record<string, object> = {
    '': {},
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  };
  for (const [name, version] of Object.entries(versions)) {
    packages[`node_modules/${name}`] = { version };
  }
  put('package-lock.json', JSON.stringify({ packages }));
}

/** Prints what it was called with; its exit code is the first argument. */
const main = `
  export async function main(argv) {
    console.log(JSON.stringify({ argv, pid: process.pid }));
    return Number(argv[0] ?? 0);
  }
`;

/** "Installs" a compiler that copies the one source and notes that it ran. */
const compiler = `
  const { appendFileSync, cpSync, readFileSync } = require('node:fs');
  appendFileSync('calls', 'tsc\\n');
  if (readFileSync('server/cli/main.ts', 'utf8').includes('a mistake')) {
    console.log('server/cli/main.ts(1,1): error TS1005: a mistake');
    process.exit(2);
  }
  cpSync('server/cli/main.ts', 'dist/server/cli/main.js');
`;

const npm = `
  const { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
  appendFileSync('calls', 'npm ' + process.argv[2] + '\\n');
  rmSync('node_modules', { recursive: true, force: true });
  mkdirSync('node_modules/typescript/bin', { recursive: true });
  if (process.env.BUNDLER) mkdirSync('node_modules/rolldown');
  if (process.env.NPM === 'fails') {
    console.error('npm error code ENOTFOUND');
    process.exit(1);
  }
  const finish = () => {
    writeFileSync('node_modules/typescript/package.json', '{"type":"commonjs"}');
    writeFileSync('node_modules/typescript/bin/tsc', ${JSON.stringify(compiler)});
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    delete packages['node_modules/for-another-system'];
    writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
  };
  if (process.env.NPM === 'hangs') setInterval(() => {}, 1_000);
  else setTimeout(finish, 200);
`;

function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  put('npm/package.json', '{"type":"commonjs"}');
  return { ...process.env, npm_execpath: join(clone, 'npm', 'npm-cli.js'), ...more };
}

type Ran = { readonly code: number | null; readonly out: string; readonly told: string };

function fanfare(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Ran {
  const bin = join(clone, 'bin', 'fanfare.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: tmpdir(),
    env: environment(env),
    encoding: 'utf8',
  });
  return { code: status, out: stdout, told: stderr };
}

function begin(env: Readonly<Record<string, string>> = {}): ChildProcess {
  const bin = join(clone, 'bin', 'fanfare.mjs');
  const child = spawn(process.execPath, [bin], {
    cwd: tmpdir(),
    env: environment(env),
    stdio: 'ignore',
    detached: true,
  });
  begun.push(child);
  return child;
}

/** The process and whatever it started. */
function killGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function calls(): readonly string[] {
  const path = join(clone, 'calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

describe('a fresh clone', () => {
  it('is installed and built, and then is the program, wherever it is called from', () => {
    const { code, out, told } = fanfare(['3', 'two words']);
    expect(JSON.parse(out)).toMatchObject({ argv: ['3', 'two words'] });
    expect(code).toBe(3);
    expect(calls()).toEqual(['npm ci', 'tsc']);
    expect(told).toMatch(/^Installing the dependencies .*\nDependencies installed in .*\nBuilding/);
  });

  it('is set up once when two commands start together', async () => {
    const both = [begin(), begin()];
    const codes = await Promise.all(both.map((child) => once(child, 'exit')));
    expect(codes.map(([code]) => code)).toEqual([0, 0]);
    expect(calls()).toEqual(['npm ci', 'tsc']);
  });

  it('says in a sentence that npm failed, and tries again the next time', () => {
    const { code, told } = fanfare([], { NPM: 'fails' });
    expect(code).toBe(1);
    expect(told).toContain('"npm ci" ended with 1: see what it says, check the network');
    expect(told).toContain('npm error code ENOTFOUND');
    expect(told).not.toContain('    at ');
    expect(fanfare().code).toBe(0);
  });

  it('whose installation was killed is installed again', async () => {
    mkdirSync(join(clone, 'node_modules'));
    const first = begin({ NPM: 'hangs' });
    while (!existsSync(join(clone, 'node_modules', 'typescript', 'bin'))) await sleep(POLL_MS);
    killGroup(first);
    await once(first, 'exit');
    expect(fanfare().code).toBe(0);
    expect(calls()).toEqual(['npm ci', 'npm ci', 'tsc']);
  });

  it('under a Node that is too old is told so', () => {
    const older =
      'data:text/javascript,Object.defineProperty(process, "versions", ' +
      '{ value: { ...process.versions, node: "20.18.3" } })';
    const { code, told } = fanfare([], {
      NODE_OPTIONS: `--import="${older.replaceAll('"', "'")}"`,
    });
    expect(told).toBe(
      'Fanfare needs Node 20.19 or newer and this is 20.18.3: ' +
        'install Node 24 and run the same command again.\n',
    );
    expect(code).toBe(1);
  });
});

describe('a clone with a bundler', () => {
  const bundling = (end: string) => `
    import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
    mkdirSync('dist/bundle', { recursive: true });
    const main = readFileSync('dist/server/cli/main.js', 'utf8');
    writeFileSync('dist/bundle/main.js', main.replace('{ argv,', '{ bundled: true, argv,'));
    ${end}
  `;

  it('is bundled, anew with each build, and starts from that', () => {
    put('tools/bundle.mjs', bundling(''));
    const first = fanfare([], { BUNDLER: '1' });
    expect(JSON.parse(first.out)).toMatchObject({ bundled: true });
    put('server/cli/main.ts', main.replace('{ argv,', '{ second: true, argv,'));
    expect(JSON.parse(fanfare().out)).toMatchObject({ second: true });
    put('tools/bundle.mjs', `${bundling('')}\n// changed`);
    expect(fanfare().told).toMatch(/Building/);
    expect(fanfare().told).toBe('');
  });

  it('leaves its files to who runs from them while it is built again', () => {
    put('tools/bundle.mjs', bundling(''));
    fanfare([], { BUNDLER: '1' });
    put('dist/bundle/print-1a2b.js', '');
    put('server/cli/main.ts', 'a mistake');
    expect(fanfare().code).toBe(1);
    expect(existsSync(join(clone, 'dist', 'bundle', 'main.js'))).toBe(true);
    put('server/cli/main.ts', main);
    expect(fanfare().code).toBe(0);
    expect(existsSync(join(clone, 'dist', 'bundle', 'print-1a2b.js'))).toBe(true);
  });

  it('starts without, where the bundler fails, and says so', () => {
    put('tools/bundle.mjs', bundling("console.error('no such binding'); process.exit(3);"));
    const { code, out, told } = fanfare([], { BUNDLER: '1' });
    expect(told).toContain('the bundler ended with 3.\n  no such binding');
    expect(JSON.parse(out)).not.toHaveProperty('bundled');
    expect(code).toBe(0);
  });
});

describe('a clone that is set up', () => {
  beforeEach(() => {
    fanfare();
    rmSync(join(clone, 'calls'));
  });

  it('starts without npm and without the compiler, as the very process that was started', () => {
    const bin = join(clone, 'bin', 'fanfare.mjs');
    const { pid, stdout, stderr } = spawnSync(process.execPath, [bin], { env: environment() });
    expect(JSON.parse(stdout.toString()).pid).toBe(pid);
    expect(stderr.toString()).toBe('');
    expect(calls()).toEqual([]);
  });

  it('is built again when a source changes, and forgets a source that is gone', () => {
    put('dist/server/cli/gone.js', '');
    put('server/cli/main.ts', `${main}\n// changed`);
    expect(fanfare().code).toBe(0);
    expect(calls()).toEqual(['tsc']);
    expect(existsSync(join(clone, 'dist', 'server', 'cli', 'gone.js'))).toBe(false);
  });

  it('does not run what was built before when the sources do not compile', () => {
    put('server/cli/main.ts', 'a mistake');
    const { code, out, told } = fanfare();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(told).toContain('The sources could not be built, "tsc" ended with 2.\n  server/cli');
  });

  it('is installed again when the lockfile changes', () => {
    lock({ typescript: '7.0.3' });
    expect(fanfare().code).toBe(0);
    expect(calls()[0]).toBe('npm ci');
  });

  it('is not installed again over an npm ci that somebody ran', () => {
    rmSync(join(clone, 'node_modules', '.fanfare-installed'));
    expect(fanfare().code).toBe(0);
    expect(calls()).toEqual([]);
  });

  it('as a production image runs what was built, although there is no compiler', () => {
    rmSync(join(clone, 'node_modules', 'typescript'), { recursive: true });
    rmSync(join(clone, 'server'), { recursive: true });
    chmodSync(clone, 0o555);
    const { code } = fanfare(['4']);
    chmodSync(clone, 0o755);
    expect(code).toBe(4);
    expect(calls()).toEqual([]);
  });
});

it('the lockfile names the optional packages of every system, without which npm ci refuses', () => {
  const file = join(projectRoot, 'package-lock.json');
  type Locked = { optionalDependencies?: Record<string, string> };
  const packages: Record<string, Locked> = JSON.parse(readFileSync(file, 'utf8')).packages;
  const missing = Object.entries(packages).flatMap(([owner, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`${owner}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});
