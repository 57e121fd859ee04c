/**
 * What a test needs from the machine. A test whose need is not met is skipped, never silently: the
 * reason is recorded, and `npm test` lists it at the end. With FANFARE_REQUIRE naming the service
 * (or `all`) the test fails instead, so that a machine meant to have it cannot pass without.
 *
 *   const chromium = requireEngine('chromium');
 *   describe.skipIf(chromium === undefined)('the storefront', () => { … });
 */
import { accessSync, appendFileSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { projectRoot } from '../../server/kernel/root.ts';

type Need = {
  /** Set by people to name a place of their own; set by the global setup to what was found. */
  readonly variables: readonly [string, ...string[]];
  readonly find: () => string | undefined;
  /** Whether an address will do as well as a path. */
  readonly mayBeUrl?: boolean;
  readonly reason: string;
};

const needs = {
  chromium: {
    variables: ['FANFARE_CHROMIUM', 'CHROMIUM_PATH'],
    find: () => onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'),
    reason: 'no Chromium: install it, or set FANFARE_CHROMIUM to its program',
  },
  redis: {
    variables: ['REDIS_SERVER'],
    find: () => onPath('redis-server'),
    reason: 'no Redis: install redis-server, or set REDIS_SERVER to its program',
  },
  kafka: {
    variables: ['KAFKA_HOME'],
    find: () => (onPath('java') === undefined ? undefined : cachedKafka()),
    reason:
      'no Kafka: run tools/kafka/resolve.sh (it needs Java 17 and Maven), or set KAFKA_HOME to ' +
      'an unpacked Apache Kafka',
  },
  'stripe-mock': {
    variables: ['FANFARE_STRIPE_MOCK'],
    find: () => onPath('stripe-mock') ?? inGoBin('stripe-mock'),
    mayBeUrl: true,
    reason:
      'no stripe-mock: go install github.com/stripe/stripe-mock@latest, or set ' +
      'FANFARE_STRIPE_MOCK to its program or address',
  },
  data: {
    variables: ['FANFARE_REAL_DATA'],
    find: () => join(projectRoot, '..', 'shared', 'data'),
    reason: 'no real input: set FANFARE_REAL_DATA to a folder that holds it',
  },
} as const satisfies Record<string, Need>;

type NeedName = keyof typeof needs;

/** The path of the program or folder; undefined after recording why the test will be skipped. */
export function requireEngine(service: NeedName): string | undefined {
  const path = findService(service);
  if (path !== undefined) return path;
  const { reason } = needs[service];
  const required = (process.env['FANFARE_REQUIRE'] ?? '').split(',').map((name) => name.trim());
  if (required.includes(service) || required.includes('all')) {
    throw new Error(`FANFARE_REQUIRE asks for ${service}, but there is ${reason}`);
  }
  recordSkip(reason);
  return undefined;
}

/** For a need that no installation can meet, such as being root; `reason` says what is missing. */
export function applies(condition: boolean, reason: string): boolean {
  if (!condition) recordSkip(reason);
  return condition;
}

/** Puts what was found into the environment, for programs that tests start. */
export function exportFound(): void {
  for (const service of Object.keys(needs) as NeedName[]) {
    const path = findService(service);
    if (path !== undefined) process.env[needs[service].variables[0]] = path;
  }
}

function findService(service: NeedName): string | undefined {
  const { variables, find, mayBeUrl }: Need = needs[service];
  const set = variables.map((name) => process.env[name]).find((value) => value);
  const path = set ?? find();
  if (mayBeUrl && /^https?:\/\//.test(path ?? '')) return path;
  return path !== undefined && existsSync(path) ? path : undefined;
}

function onPath(...programs: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = programs.flatMap((program) => folders.map((folder) => join(folder, program)));
  return candidates.find(isProgram);
}

function inGoBin(program: string): string | undefined {
  const home = process.env['GOPATH'] ?? join(process.env['HOME'] ?? '', 'go');
  return [join(home, 'bin', program)].find(isProgram);
}

/** Where tools/kafka/resolve.sh has put it, the newest version. */
function cachedKafka(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] || join(process.env['HOME'] ?? '', '.cache');
  const base = join(cache, 'fanfare');
  if (!existsSync(base)) return undefined;
  const homes = readdirSync(base).filter((name) => existsSync(join(base, name, 'libs')));
  const newest = homes
    .filter((name) => name.startsWith('kafka-'))
    .toSorted()
    .at(-1);
  return newest === undefined ? undefined : join(base, newest);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** One line of JSON each: test files run in several processes, and lines do not tear. */
function recordSkip(reason: string): void {
  const list = process.env['FANFARE_SKIPS'];
  if (list) appendFileSync(list, `${JSON.stringify({ file: callingTestFile(), reason })}\n`);
}

/** A test file asks while it is loaded, before vitest knows of any test in it; the stack tells. */
function callingTestFile(): string {
  const path = /(?:file:\/\/)?(\/[^\s()]*\.test\.tsx?)/.exec(new Error().stack ?? '')?.[1];
  return path === undefined ? '' : relative(projectRoot, path);
}
