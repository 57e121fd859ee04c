// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code is planted in strings here.
import { inFile, lines, type Plant } from './planted.ts';

const useCase = 'server/modules/orders/cancel-order.ts';
const statements = 'server/modules/orders/order.sql.ts';
const migration = 'db/migrations/0001-orders.sql';

const unruly: readonly (readonly [string, string])[] = [
  ['const at = Date.now();', "const at = 'Date.now()';"],
  ['const at = new Date();', 'const at = new Date(startsAtMs);'],
  ['const at = new Date( /* today */ );', "const at = new Date('2026-01-01');"],
  ['const at = new Date;', 'const at: Date = row.at;'],
  ['const at = Date();', 'const at = new Date(`${year}-01-01`);'],
  ['const at = Temporal.Now.instant();', 'const at = Temporal.Instant.from(text);'],
  ['const n = Math.random();', 'const n = Math.round(x);'],
  ['const id = crypto.randomUUID();', 'const id = newRootId(ctx.ids, prefix);'],
  ['const id = crypto.randomBytes(8);', 'const id = ctx.ids.bytes(8);'],
];

const settings: readonly (readonly [string, string])[] = [
  ['const port = process.env.PORT;', 'const port = config.PORT;'],
  ["const port = process['env'];", 'const port = process.pid;'],
  ['const { env } = process;', 'const { pid } = process;'],
  ["import { env } from 'node:process';", "import { pid } from 'node:process';"],
];

const inSql: readonly (readonly [string, string])[] = [
  ['select now()', 'select kernel.instant(${now})'],
  ['select NOW ( )', "select 'now()'"],
  ['select current_timestamp', 'select 1 -- current_timestamp'],
  ['select clock_timestamp()', 'select kernel.instant(${null})'],
];

const allColumns: readonly (readonly [string, string])[] = [
  ['select * from orders.ticket', 'select count(*) from orders.ticket'],
  ['select distinct t.* from orders.ticket t', 'select distinct t.id from orders.ticket t'],
  ['delete from orders.ticket returning *', 'delete from orders.ticket returning id'],
];

const statement = (text: string) => `export const one = command\`${text}\`;`;

export const timePlants: readonly Plant[] = [
  ...unruly.map((pair) => inFile('chance', pair[0], useCase, pair)),
  {
    rule: 'chance',
    title: 'the sandbox and the wiring too; kernel, adapters, commands, tools and tests may',
    fault: { 'server/sandbox/clock.ts': 'export const now = () => Date.now();\n' },
    at: 'server/sandbox/clock.ts:1',
    twin: Object.fromEntries(
      [
        'server/kernel/clock.ts',
        'server/adapters/stripe/retry.ts',
        'server/cli/demo.ts',
        'server/modules/orders/order.test.ts',
        'tools/release.ts',
        'bench/holds.ts',
        'test/kit/given.ts',
        'web/ui/countdown.ts',
      ].map((path) => [path, 'export const now = () => Date.now();\n']),
    ),
  },
  ...settings.map((pair) => inFile('environment', pair[0], 'server/main.ts', pair)),
  {
    rule: 'environment',
    title: 'read in the kernel, but not in its config',
    fault: { 'server/kernel/log.ts': 'export const level = process.env.LOG_LEVEL;\n' },
    at: 'server/kernel/log.ts:1',
    twin: {
      'server/kernel/config.ts': 'export const level = process.env.LOG_LEVEL;\n',
      'tools/release.ts': 'export const level = process.env.LOG_LEVEL;\n',
      'vitest.config.ts': 'export const level = process.env.LOG_LEVEL;\n',
    },
  },
  {
    rule: 'console',
    title: 'a room prints; commands, tools and tests may',
    fault: { [useCase]: "console.log('sold');\n" },
    at: `${useCase}:1`,
    twin: {
      [useCase]: "ctx.log.info('console.log');\n",
      'server/cli/audit.ts': "console.log('sold');\n",
      'bench/holds.ts': "console.log('sold');\n",
    },
  },
  ...inSql.map(([fault, twin]) =>
    inFile('sql-time', fault, statements, [statement(fault), statement(twin)]),
  ),
  inFile('sql-time', 'in a function', 'server/modules/orders/settle.fn.sql', [
    'create function orders.f@v() returns timestamptz return now();',
    'create function orders.f@v() returns timestamptz return kernel.instant(null);',
  ]),
  inFile('sql-time', 'a default that is the start of the transaction', migration, [
    'create table orders.t (at timestamptz not null default now());',
    'create table orders.t (at timestamptz not null default clock_timestamp());',
  ]),
  inFile(
    'sql-time',
    'the wall clock in a migration',
    migration,
    [
      lines(
        'create function orders.age(p timestamptz) returns interval',
        '  return clock_timestamp() - p;',
      ),
      lines(
        'create function kernel.age(p timestamptz) returns interval',
        '  return clock_timestamp() - p;',
      ),
    ],
    2,
  ),
  ...allColumns.map(([fault, twin]) =>
    inFile('columns', fault, statements, [statement(fault), statement(twin)]),
  ),
  inFile('columns', 'a row of all columns into a list of variables', 'server/kernel/a.fn.sql', [
    'select * into v_id, v_state from kernel.job;',
    'select * into strict v_job from kernel.job;',
  ]),
];
