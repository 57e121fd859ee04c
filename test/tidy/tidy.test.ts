import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../server/kernel/root.ts';
import { filesOf, type Plant } from './planted.ts';
import { arrowPlants } from './planted-arrows.ts';
import { sqlPlants } from './planted-sql.ts';
import { timePlants } from './planted-time.ts';
import { wordPlants } from './planted-words.ts';
import { callsOf, cycles, ROOMS } from './rules-arrows.ts';
import { check, print, readTree, rules, seen } from './tidy.ts';

const plants: readonly Plant[] = [...arrowPlants, ...sqlPlants, ...timePlants, ...wordPlants];

/** The least that must be seen. They only ever go up, and are far below what there is. */
const SEEN_MIN = { scripts: 100, sqlFunctionFiles: 1, roomImports: 1, statements: 50 };

describe('this repository', () => {
  const files = readTree(projectRoot);

  it('A4 keeps every rule', () => {
    expect(print(check(files))).toEqual([]);
  });

  it('was looked at', () => {
    const looked = seen(files);
    for (const [what, least] of Object.entries(SEEN_MIN)) {
      expect(looked[what as keyof typeof looked], what).toBeGreaterThanOrEqual(least);
    }
  });

  it('was read to the last file', () => {
    const read = new Set(files.map(({ path }) => path));
    const listed = ['bench', 'db', 'server', 'test', 'tools', 'web'].flatMap(sourcesUnder);
    expect(listed.filter((path) => !read.has(path))).toEqual([]);
    expect(listed.length).toBeGreaterThanOrEqual(SEEN_MIN.scripts);
  });

  it('shows as many imports between rooms as a plain search finds', () => {
    const crude = files
      .filter(({ path }) => /^server\/modules\/.*(?<!\.test)\.ts$/.test(path))
      .flatMap(({ text }) => text.match(/^\s*(?:import|export|\}).* from '\.\.\/[a-z-]+\/index/gm));
    const least = crude.filter(Boolean).length;
    expect(least).toBeGreaterThanOrEqual(SEEN_MIN.roomImports);
    expect(seen(files).roomImports).toBeGreaterThanOrEqual(least);
  });
});

function sourcesUnder(folder: string): string[] {
  const ours = readdirSync(projectRoot, { encoding: 'utf8' });
  if (!ours.includes(folder)) return [];
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.(?:ts|tsx|mjs|sql)$/.test(path) && !/node_modules|\/dist\//.test(path));
}

describe('the table of arrows', () => {
  it('names its own rooms only, and runs downward', () => {
    const below = new Map<string, readonly string[]>();
    for (const room of ROOMS) below.set(room, callsOf(room) ?? []);
    const downward: string[] = [];
    while (downward.length < ROOMS.length) {
      const next = ROOMS.find(
        (room) =>
          !downward.includes(room) && below.get(room)?.every((each) => downward.includes(each)),
      );
      expect(next, `after ${downward.join(', ')}`).toBeDefined();
      downward.push(next ?? '');
    }
  });

  it('keeps orders out of inventory and tickets out of payments', () => {
    expect(callsOf('inventory')).toEqual(['identity', 'venues']);
    expect(callsOf('payments')).toEqual(['identity']);
  });
});

describe('a planted fault', () => {
  it.each(plants.map((plant) => [`${plant.rule}: ${plant.title}`, plant] as const))(
    '%s',
    (_, { rule, fault, at, twin }) => {
      const found = check(filesOf(fault)).map((one) => `${one.path}:${one.line} ${one.rule}`);
      expect(found).toEqual([`${at} ${rule}`]);
      expect(print(check(filesOf(twin)))).toEqual([]);
    },
  );

  it('stands for every rule, one at least', () => {
    const planted = new Set([...plants.map(({ rule }) => rule), 'cycles']);
    expect(rules.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    expect(rules.filter(({ why }) => why.length < 20)).toEqual([]);
  });

  it('cycles: a circle, which breaks an arrow as well', () => {
    const circle = {
      'server/modules/orders/a.ts': "import { b } from '../inventory/index.ts';\n",
      'server/modules/inventory/b.ts': "import { c } from '../venues/index.ts';\n",
      'server/modules/venues/c.ts': "\nimport { a } from '../orders/index.ts';\n",
    };
    const found = cycles.check(filesOf(circle));
    expect(print(found)).toEqual([
      'server/modules/orders/a.ts:1 cycles: rooms import each other in a circle: ' +
        'orders → inventory → venues → orders',
    ]);
    expect(check(filesOf(circle)).map(({ rule }) => rule)).toEqual(['cycles', 'arrows']);
    const upward = "import type { A } from '../orders/index.ts';\n";
    expect(check(filesOf({ ...circle, 'server/modules/venues/c.ts': upward }))).toEqual([]);
  });

  it('is printed with its path, line, rule and message', () => {
    const path = 'server/modules/inventory/a.ts';
    const text = "\nexport * from '../orders/index.ts';\n";
    expect(print(check([{ path, text }]))).toEqual([
      `${path}:2 arrows: inventory calls orders, but may call identity, venues`,
    ]);
  });

  it('would be found on disk: files are read as they are', () => {
    const own = readTree(projectRoot).find(({ path }) => path === 'test/tidy/tidy.ts');
    expect(own?.text).toBe(readFileSync(join(projectRoot, 'test/tidy/tidy.ts'), 'utf8'));
  });
});
