/**
 * The documents, held against the project: what they link to, name and promise must be there. Each
 * check is a function from texts to findings, and has a planted fault that it must find.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { routes } from '../../server/app.ts';
import { main } from '../../server/cli/main.ts';
import { loadDemo } from '../../server/demo.ts';
import { describeConfig, readConfig } from '../../server/kernel/config.ts';
import { projectRoot } from '../../server/kernel/root.ts';
import { allProblemCodes } from '../../server/web/problem-codes.ts';
import { ADMIN_KEY, startApp } from '../kit/app.ts';
import { applies } from '../kit/requires.ts';

type Texts = ReadonlyMap<string, string>;

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const isThere = (path: string) => existsSync(join(projectRoot, path));

function documents(): Texts {
  const folders = ['', 'docs', 'docs/decisions'];
  const paths = folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => posix.join(folder, name)),
  );
  return new Map(paths.map((path) => [path, read(path)]));
}

const plant = (files: Record<string, string>): Texts => new Map(Object.entries(files));

const FENCE = /^```.*?^```$/gms;
const prose = (text: string) => text.replace(FENCE, '');
/** What is written as code: fenced blocks and spans between backticks. */
const code = (text: string) => [
  ...(text.match(FENCE) ?? []),
  ...[...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? ''),
];

/** As GitHub makes it from a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function linkFindings(files: Texts, exists: (path: string) => boolean): string[] {
  return [...files].flatMap(([path, text]) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target ?? '')
      .filter((target) => !/^[a-z]+:/.test(target))
      .flatMap((target) => {
        const [file = '', anchor] = target.split('#');
        const to = file === '' ? path : posix.join(posix.dirname(path), file);
        if (!exists(to)) return [`${path}: there is no ${target}`];
        if (anchor === undefined) return [];
        const headings = [...prose(files.get(to) ?? '').matchAll(/^#+ (.+)$/gm)];
        const known = headings.some(([, heading]) => anchorOf(heading ?? '') === anchor);
        return known ? [] : [`${path}: ${to} has no heading #${anchor}`];
      }),
  );
}

const counts = { A: 6, B: 14, C: 11, D: 13, E: 7, F: 15 };
const wantedIds = Object.entries(counts).flatMap(([letter, most]) =>
  Array.from({ length: most }, (_, i) => `${letter}${i + 1}`),
);

/** Done rows whose tests do not say their id yet. The list only gets shorter. */
const NOT_NAMED_YET = new Set<string>([]);

type Row = { readonly id: string; readonly state: string; readonly paths: readonly string[] };

function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| *([A-F]\d+) *\|(.*)\|$/gm)].map(([, id = '', rest = '']) => {
    const cells = rest.split('|').map((cell) => cell.trim());
    const spans = [
      ...cells
        .slice(2)
        .join(' ')
        .matchAll(/`([^`]+)`/g),
    ].map(([, span]) => span ?? '');
    const paths = spans.filter((span) => /^[\w.-]+(?:\/[\w.-]+)+$|^[A-Z]\w*(?:\.md)?$/.test(span));
    return { id, state: cells[1] ?? '', paths: paths.map(fromRoot) };
  });
}

/** `inventory/hold.fn.sql` stands below server/modules. */
function fromRoot(path: string): string {
  return isThere(`server/modules/${path.split('/')[0]}/index.ts`) ? `server/modules/${path}` : path;
}

type Tree = { readonly exists: (path: string) => boolean; readonly read: (path: string) => string };

function rowFindings(text: string, tree: Tree): string[] {
  const rows = rowsOf(text);
  const ids = rows.map(({ id }) => id);
  return [
    ...wantedIds.filter((id) => !ids.includes(id)).map((id) => `${id} is missing`),
    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `${id} is there twice`),
    ...ids.filter((id) => !wantedIds.includes(id)).map((id) => `${id} is no requirement`),
    ...rows.flatMap((row) => oneRow(row, tree)),
  ];
}

function oneRow({ id, state, paths }: Row, tree: Tree): string[] {
  const gone = paths.filter((path) => !tree.exists(path)).map((path) => `${id}: no ${path}`);
  if (!/^(?:done|partly|open)$/.test(state)) return [...gone, `${id}: the state "${state}"`];
  if (state !== 'done') return gone;
  const tests = paths.filter((path) => path.endsWith('.test.ts') && tree.exists(path));
  if (tests.length === 0) return [...gone, `${id} is done without a test`];
  const named = tests.some((path) => new RegExp(`\\b${id}\\b`).test(tree.read(path)));
  return named || NOT_NAMED_YET.has(id) ? gone : [...gone, `${id}: no test names it`];
}

const settingNames = describeConfig(readConfig({})).map((line) => line.split(' ')[0] ?? '');

/** Every setting has its row in the README's table, and the table has no other. */
function settingFindings(readme: string, names: readonly string[]): string[] {
  const section = readme.split('\n## ').find((part) => part.startsWith('Settings')) ?? '';
  const listed = [...section.matchAll(/^\| *`([A-Z_]+)` *\|/gm)].map(([, name]) => name ?? '');
  return [
    ...names.filter((name) => !listed.includes(name)).map((name) => `${name} is not described`),
    ...listed.filter((name) => !names.includes(name)).map((name) => `${name} is no setting`),
  ];
}

const problems = allProblemCodes(routes);

/** `409 \`sold_out\`` and `/docs/problems#sold_out`: the code exists, with that status. */
function problemFindings(files: Texts): string[] {
  return [...files].flatMap(([path, text]) =>
    [...text.matchAll(/\b([45]\d\d) `([a-z_]+)`|\/docs\/problems#([a-z_]+)/g)].flatMap(
      ([, status, named, linked]) => {
        const known = problems.get(named ?? linked ?? '');
        if (!known) return [`${path}: there is no problem ${named ?? linked}`];
        if (status === undefined || Number(status) === known.status) return [];
        return [`${path}: ${named} is ${known.status}, not ${status}`];
      },
    ),
  );
}

/** A guarantee is called checked exactly if the audit has a statement for it. */
function guaranteeFindings(text: string, audited: readonly string[]): string[] {
  const rows = [...text.matchAll(/^\| *(G\d+) *\|(.*)\|$/gm)];
  const checked = rows.flatMap(([, id = '', rest = '']) =>
    rest.includes(`checked: \`${id.toLowerCase()}\``) ? [id] : [],
  );
  return [
    ...(rows.length === 24 ? [] : [`${rows.length} guarantees, not 24`]),
    ...audited.filter((id) => !checked.includes(id)).map((id) => `${id} is checked, unsaid`),
    ...checked.filter((id) => !audited.includes(id)).map((id) => `${id} is not checked`),
  ];
}

/** Commands of npm, of fanfare and of tools, wherever they are written as code. */
function commandFindings(files: Texts, commands: ReadonlySet<string>): string[] {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const isScript = (name: string) => name in scripts;
  const isTool = (name: string) => name === 'fanfare' || isThere(`node_modules/.bin/${name}`);
  const isSource = (path: string) => isThere(`${path}.ts`);
  const looks: readonly (readonly [RegExp, (name: string) => boolean])[] = [
    [/\bnpm (start|test)\b/g, isScript],
    [/\bnpm run ([\w:-]+)/g, isScript],
    [/\bfanfare(?:\.mjs)? ([a-z][a-z-]*)/g, (name) => commands.has(name)],
    [/\bnpx ([a-z][\w-]*)/g, isTool],
    [/\bnode dist\/([\w/-]+)\.js/g, isSource],
  ];
  return [...files].flatMap(([path, text]) =>
    code(text).flatMap((piece) =>
      looks.flatMap(([pattern, isKnown]) =>
        [...piece.matchAll(pattern)]
          .filter(([, name = '']) => !isKnown(name))
          .map(([all]) => `${path}: there is no "${all}"`),
      ),
    ),
  );
}

/** What the container files copy, name or hand on is there. */
function containerFindings(files: Texts, exists: (path: string) => boolean): string[] {
  const of = (path: string) => files.get(path) ?? '';
  const copied = [...of('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
    .flatMap(([, sources = '']) => sources.split(' '))
    .map((source) => source.replace(/^\.\//, ''));
  const admitted = [...of('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, path]) => path ?? '');
  const named = [...of('compose.yaml').matchAll(/(?<![\w/])\.env\.example\b/g)].map(([p]) => p);
  const variables = [...of('compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(
    ([, name]) => name ?? '',
  );
  const app = /^ {2}app:\n(.*?)^ {2}\w+:\n/ms.exec(of('compose.yaml'))?.[1] ?? '';
  const handed = [...app.matchAll(/^ {6}([A-Z_]+): /gm)].map(([, name]) => name ?? '');
  const set = /^ENV (.+)$/m.exec(of('Dockerfile'))?.[1]?.split(' ') ?? [];
  const given = [...handed, ...set.map((pair) => pair.split('=')[0] ?? '')];
  const isSetting = (name: string) => name === 'NODE_ENV' || settingNames.includes(name);
  return [
    ...[...copied, ...admitted, ...named].filter((p) => !exists(p)).map((p) => `there is no ${p}`),
    ...copied.filter((p) => !admitted.includes(p)).map((p) => `.dockerignore leaves ${p} out`),
    ...given.filter((name) => !isSetting(name)).map((name) => `${name} is no setting`),
    ...variables
      .filter((name) => !new RegExp(`^${name}=`, 'm').test(of('.env.example')))
      .map((name) => `.env.example lacks ${name}`),
  ];
}

async function commandsOfHelp(): Promise<Set<string>> {
  const said: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
  await main(['--help']);
  const calls = said.join('\n').matchAll(/^ {2}([a-z-]+)(?: .*)? {2,}/gm);
  return new Set([...calls].map(([, name]) => name ?? ''));
}

afterEach(() => {
  vi.restoreAllMocks();
});

const files = documents();
const readme = files.get('README.md') ?? '';
const tree: Tree = { exists: isThere, read };
const containers = new Map(
  ['Dockerfile', '.dockerignore', 'compose.yaml', '.env.example'].map((path) => [path, read(path)]),
);

describe('the documents', () => {
  it('are there, all of them', () => {
    const wanted = ['README', 'ARCHITECTURE', 'GLOSSARY', 'CONTRIBUTING', 'CHANGELOG'];
    const named = [
      ...wanted,
      ...['requirements', 'guarantees', 'locking', 'payments', 'operating'],
    ];
    const paths = [...files.keys()].map((path) => posix.basename(path, '.md'));
    expect(named.filter((name) => !paths.includes(name))).toEqual([]);
    expect(files.size).toBeGreaterThanOrEqual(20);
    expect(read('LICENSE')).toMatch(/^\s+Apache License\s+Version 2\.0, January 2004/);
  });

  it('link to what is there', () => {
    const links = [...files.values()].flatMap((text) => text.match(/\]\(/g) ?? []);
    expect(links.length).toBeGreaterThan(60);
    expect(linkFindings(files, isThere)).toEqual([]);
    const broken = plant({ 'docs/a.md': '# A b\n[x](b.md) [y](#a-b) [z](#c) [w](https://x.org)' });
    const found = linkFindings(broken, (path) => broken.has(path));
    expect(found).toEqual([
      'docs/a.md: there is no b.md',
      'docs/a.md: docs/a.md has no heading #c',
    ]);
  });

  it('have one row for each requirement, done only with a test that names it', () => {
    const text = files.get('docs/requirements.md') ?? '';
    expect(rowFindings(text, tree)).toEqual([]);
    expect(rowsOf(text).flatMap(({ paths }) => paths).length).toBeGreaterThan(100);
    const row = (id: string, state: string, test: string) =>
      `| ${id} | x | ${state} | – | ${test} |`;
    const done = row('D1', 'done', '`test/flows/buy.test.ts`');
    const others = wantedIds.slice(1).map((id) => (id === 'D1' ? done : row(id, 'open', '–')));
    const withFirst = (...first: string[]) => rowFindings([...first, ...others].join('\n'), tree);
    expect(withFirst()).toEqual(['A1 is missing']);
    expect(withFirst(row('A1', 'ready', '–'))).toEqual(['A1: the state "ready"']);
    expect(withFirst(row('A1', 'done', '–'))).toEqual(['A1 is done without a test']);
    expect(withFirst(row('A1', 'done', '`test/kit/requires.test.ts`'))).toEqual([
      'A1: no test names it',
    ]);
    expect(withFirst(row('A1', 'open', '`test/gone.test.ts`'))).toEqual([
      'A1: no test/gone.test.ts',
    ]);
    expect(withFirst(row('A1', 'open', '–'), row('A1', 'open', '–'))).toEqual([
      'A1 is there twice',
    ]);
    expect(withFirst(row('A1', 'open', '–'), row('A9', 'open', '–'))).toEqual([
      'A9 is no requirement',
    ]);
  });

  it('describe every setting', () => {
    expect(settingNames.length).toBeGreaterThanOrEqual(15);
    expect(settingFindings(readme, settingNames)).toEqual([]);
    const short = '\n## Settings\n| `PORT` | 1 | x |\n| `PROT` | 1 | x |\n## Next';
    expect(settingFindings(short, ['HOST', 'PORT'])).toEqual([
      'HOST is not described',
      'PROT is no setting',
    ]);
  });

  it('say of the guarantees which are checked', () => {
    const statements = ['audit', 'audit-promotions', 'audit-waitlist']
      .map((name) => read(`server/modules/reporting/${name}.view.sql.ts`))
      .join('\n');
    const ids = [...statements.matchAll(/^export const (g\d+) =/gm)].map(([, g = '']) => {
      return g.toUpperCase();
    });
    expect(ids.length).toBeGreaterThanOrEqual(9);
    const text = files.get('docs/guarantees.md') ?? '';
    expect(guaranteeFindings(text, ids)).toEqual([]);
    const wrong = text
      .replace('checked: `g1`', 'held')
      .replace('| open: waiting room', '| checked: `g18`');
    expect(guaranteeFindings(wrong, ids)).toEqual(['G1 is checked, unsaid', 'G18 is not checked']);
  });

  it('name problems by codes that exist, with their status', () => {
    expect(problemFindings(files)).toEqual([]);
    const planted = '409 `sold_out`, 410 `sold_out`, 409 `sould_out`, /docs/problems#nothing';
    expect(problemFindings(plant({ a: planted }))).toEqual([
      'a: sold_out is 409, not 410',
      'a: there is no problem sould_out',
      'a: there is no problem nothing',
    ]);
  });

  it('name commands that exist', async () => {
    const commands = await commandsOfHelp();
    expect(commands).toContain('import');
    expect(commandFindings(files, commands)).toEqual([]);
    const planted =
      '`npm run nothing` fanfare nothing `npx fanfare adit`\n```sh\nnpx nothing\n```\n';
    expect(commandFindings(plant({ a: planted }), commands).sort()).toEqual([
      'a: there is no "fanfare adit"',
      'a: there is no "npm run nothing"',
      'a: there is no "npx nothing"',
    ]);
  });

  it('A6 C11 D13 say what a newcomer, an operator and a reader of the locking need', () => {
    const headings = (path: string) => (files.get(path) ?? '').match(/^## .+$/gm) ?? [];
    for (const wanted of ['Two commands', 'Decisions', 'What to improve', 'must look out for']) {
      expect(headings('README.md').join('\n'), wanted).toContain(wanted);
    }
    expect(headings('docs/locking.md')).toContain('## The order of locks');
    expect(headings('docs/payments.md')).toContain('## Webhooks and the reconciler');
  });
});

describe('the container files', () => {
  it('E7 copy, name and hand on only what is there', () => {
    expect(containerFindings(containers, isThere)).toEqual([]);
    expect(containers.get('Dockerfile')).toMatch(/^USER node$/m);
    expect(containers.get('Dockerfile')).toMatch(/^HEALTHCHECK /m);
    const found = containerFindings(
      plant({
        Dockerfile: 'ENV HOTS=1\nCOPY bin gone ./\nCOPY --from=build /x ./\n',
        '.dockerignore': '*\n!bin\n',
        'compose.yaml': '  app:\n      PORT: $' + '{PORT}\n      PROT: 1\n  db:\n',
        '.env.example': 'BASE_URL=\n',
      }),
      isThere,
    );
    expect(found).toEqual([
      'there is no gone',
      '.dockerignore leaves gone out',
      'PROT is no setting',
      'HOTS is no setting',
      '.env.example lacks PORT',
    ]);
  });
});

const onPath = (name: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
const canRun = applies(onPath('bash') && onPath('curl'), 'no bash and curl: the README is not run');

describe.skipIf(!canRun)('the README', () => {
  it('E7 buys a ticket with curl, as printed, and gives it back', async () => {
    const block = /^## Buy a ticket with curl.*?^```sh\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
    expect(block).toContain('API=http://127.0.0.1:3000/api/v1\n');
    const app = await startApp({ worker: true });
    try {
      await loadDemo(app.origin, app.origin, ADMIN_KEY, app.ctx);
      const script = block.replace('http://127.0.0.1:3000', app.origin);
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script]);
      const [status, codes] = stdout.split('\n');
      expect(status).toBe('confirmed');
      expect(codes).toMatch(/^F1[0-9A-Z]{150}$/);
      expect(stdout).toContain('"status":"on_sale"');
      expect(stdout.trim().endsWith('refunded')).toBe(true);
    } finally {
      await app.close();
    }
  });
});
