// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code is planted in strings here.
import { inFile, lines, type Plant, repeated } from './planted.ts';

const useCase = 'server/modules/orders/cancel-order.ts';
const rules = 'server/modules/orders/rules.ts';
const test = 'server/modules/orders/cancel-order.test.ts';
const functionOf = (count: number, head: string) =>
  lines(head, `${repeated(count - 2, '  work();')}}`);

const longFunctions: readonly string[] = [
  'export function cancel(id: string) {',
  'export async function cancel(a: { b: string }): Promise<{ c: string } | null> {',
  'export const cancel = async (id: string) => {',
  'export const cancel = (id: string): Readonly<{ c: string }> => {',
  'export const cancel = (id: string): (A | B) => {',
  'export function cancel(id: string): (a: Map<A, () => B>) => { c: string } {',
  'export function cancel(id: string): readonly { c: string }[] {',
];

const impure: readonly (readonly [string, string])[] = [
  ["import { z } from 'zod';", "import type { z } from 'zod';"],
  ["import { all } from '../../kernel/db.ts';", "import { ok } from '../../kernel/result.ts';"],
  ["import { a } from './order.sql.ts';", "import { a } from './rules-refund.ts';"],
  ["import { databaseClock } from '../../kernel/clock.ts';", "import '../../kernel/money.ts';"],
];

const unreasoned: readonly (readonly [string, string])[] = [
  ['const a: any = 1;', 'const any: unknown = Promise.any([1]);'],
  ['const a = (b: Array<any>) => 1;', 'const a = { any: 1, b: many };'],
  ['const a = (): any => 1;', 'const a = (): unknown => 1;'],
  ['const a = b as Order;', 'const a = b as const;'],
  ["const a = b as\n  | 'c';", "const a:\n  | 'c' = b;"],
  ['const a = b as Order;', 'const a = b as Order; // Parsed by its schema.'],
  ['const a = b as unknown as Order;', '// Parsed by its schema.\nconst a = b as Order;'],
  ['const a = b!.c;', '/* Inserted above. */ const a = b!.c;'],
  ['const a = f(b)!;', 'const a = !b && c !== d && e != f;'],
  ['let a!: string;', "const a = 'sold out!';"],
  ['import { a as b } from "./c.ts"; d as E;', 'import { a as b, type c as d } from "./c.ts";'],
  ['export const a = b as C;', 'export { a as b };\nexport * as c from "./d.ts";'],
  ['type A = { [K in keyof B]: 1 }; c as D;', 'type A = { [K in keyof B as `x${K}`]: 1 };'],
];

const left: readonly (readonly [string, string, string])[] = [
  [useCase, '// TODO: later', '// Nothing is to do.'],
  [useCase, '/* FIXME */', "const a = 'FIXME';"],
  [useCase, '// XXX odd', '// Without currency: XTS and XXX.'],
  [useCase, 'debugger;', 'const a = { debuggers: 1 };'],
  ['server/modules/orders/a.fn.sql', '-- TODO', "select '-- TODO';"],
  [test, "it.only('x', () => {});", "it('.only(', () => {});"],
  [test, "describe.skip('x', () => {});", 'const a = pages.slice(1);'],
  [test, "it.todo('x');", 'const a = list.todos(1);'],
  [test, "it.only.each([1])('x', () => {});", "it.each([1])('x', () => {});"],
];

const badNames: readonly (readonly [string, string])[] = [
  ['export class OrderManager {}', 'export class Relay {}'],
  ['export const orderService = 1;', 'export const serviceFee = 1;'],
  ['export async function parseHelper() {}', 'export async function parseHelpers2() {}'],
  ['export type DateUtils = 1;', 'type DateUtils = 1;'],
  ['export { a as bUtil };', 'import { cUtil as c } from "./c.ts";'],
];

export const wordPlants: readonly Plant[] = [
  inFile('file-size', 'too many lines', useCase, [repeated(400, 'a;'), repeated(399, 'a;')], 401),
  inFile(
    'file-size',
    'SQL too',
    'server/kernel/a.fn.sql',
    [repeated(400, '--'), repeated(399, '--')],
    401,
  ),
  ...longFunctions.map((head) =>
    inFile('function-size', head, useCase, [functionOf(71, head), functionOf(70, head)]),
  ),
  inFile(
    'function-size',
    'a method',
    useCase,
    [
      lines('class A {', `${functionOf(71, '  b(): Map<string, { c: 1 }> {')}}`),
      lines('class A {', `${functionOf(70, '  b(): Map<string, { c: 1 }> {')}}`),
    ],
    2,
  ),
  inFile('function-size', 'an arrow without braces', useCase, [
    lines('export const a = () => [', `${repeated(69, '  1,')}];`),
    lines('export const a = [', `${repeated(99, '  1,')}];`),
  ]),
  inFile(
    'function-size',
    'one test',
    test,
    [
      lines("describe('a', () => {", `${functionOf(71, "  it('b', () => {")});`, '});'),
      lines("describe.each([1])('a', () => {", repeated(99, "  it('b', () => {});"), '});'),
    ],
    2,
  ),
  inFile('function-size', 'a function in SQL', 'server/modules/orders/a.fn.sql', [
    lines('create function orders.a@v() returns void as $$', `${repeated(149, '--')}$$;`),
    lines('create function orders.a@v() returns void as $$', `${repeated(148, '--')}$$;`),
  ]),
  inFile('line-width', 'a wide line', useCase, [
    `const a = ${repeated(12, 'b + longer').replaceAll('\n', '; ')}`,
    `const a = 'https://example.org/${'x'.repeat(90)}';\n  '${'y'.repeat(99)}',`,
  ]),
  inFile('line-width', 'a wide comment', useCase, [
    `// ${'word '.repeat(20)}`,
    `const a = \`${'word '.repeat(20)}\`;`,
  ]),
  {
    rule: 'room-size',
    title: 'too many files',
    fault: Object.fromEntries(
      Array.from({ length: 26 }, (_, i) => [`server/modules/orders/a${i}.ts`, '']),
    ),
    at: 'server/modules/orders:1',
    twin: Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [
        `server/modules/orders/a${i >> 1}${i % 2 ? '.test' : ''}.ts`,
        '',
      ]),
    ),
  },
  ...impure.map((pair) => inFile('purity', pair[0], rules, pair)),
  ...unreasoned.map((pair) => inFile('casts', `${pair[0]} / ${pair[1]}`, useCase, pair)),
  inFile(
    'casts',
    'a comment that belongs to the statement before',
    useCase,
    [
      lines('// A sum.', 'const a = b + c;', 'const d = e as F;'),
      lines('const a = b + c;', '// The sum of both is an F.', 'const d = f(', '  e as F,', ');'),
    ],
    3,
  ),
  {
    rule: 'casts',
    title: 'text of a page is not code, its expressions are',
    fault: { 'web/ui/a.tsx': "const a = <p>Don't log in as someone! {b!}</p>;\n" },
    at: 'web/ui/a.tsx:1',
    twin: {
      'web/ui/a.tsx': "const a = <p>Don't log in as someone! {b}</p>;\n",
      'test/kit/a.ts': 'export const a = b as C;\n',
    },
  },
  inFile('refusals', 'a transaction', useCase, [
    'await inTx(ctx, work);',
    'const done = await inTx(ctx, work); return await inTx(ctx, work);',
  ]),
  inFile('refusals', 'a lane', useCase, [
    'await ctx.lanes.ask(ctx, kind, eventId, request);',
    'orNotNow(await ctx.lanes.ask(ctx, kind, eventId, request));',
  ]),
  ...left.map(([path, fault, twin]) => inFile('leftovers', fault, path, [fault, twin])),
  {
    rule: 'default-exports',
    title: 'a default that is neither a page nor a config',
    fault: { 'web/ui/button.tsx': 'export default 1;\n' },
    at: 'web/ui/button.tsx:1',
    twin: {
      'web/storefront/pages/event.tsx': 'export default 1;\n',
      'vitest.config.ts': 'export default 1;\n',
    },
  },
  inFile('default-exports', 'by another name', useCase, [
    'export { a as default };',
    'export { a };',
  ]),
  ...badNames.map((pair) => inFile('names', pair[0], useCase, pair)),
  {
    rule: 'names',
    title: 'a file in camel case',
    fault: { 'server/modules/orders/cancelOrder.ts': '' },
    at: 'server/modules/orders/cancelOrder.ts:1',
    twin: { 'server/modules/orders/cancel-order.view.sql.ts': '' },
  },
  {
    rule: 'names',
    title: 'a folder with an underscore',
    fault: { 'web/my_ui/a.ts': '' },
    at: 'web/my_ui/a.ts:1',
    twin: { 'web/my-ui/a.ts': '' },
  },
  {
    rule: 'names',
    title: 'a file that says nothing',
    fault: { 'web/ui/date-utils.ts': '' },
    at: 'web/ui/date-utils.ts:1',
    twin: { 'web/ui/dates.ts': '' },
  },
  inFile('messages', 'a bus', useCase, ['eventBus.send(1);', 'eventBusy.send(1);']),
  inFile('messages', 'an emitter', useCase, [
    "import { EventEmitter } from 'node:events';",
    "const a = 'EventEmitter';",
  ]),
  inFile('legible', 'brackets', useCase, ['const a = [1);', "const a = ['(', /[(]/, `)`]; // ("]),
  inFile('legible', 'a bracket left open', useCase, ['f(() => {', 'f(() => {});']),
  inFile('legible', 'a string in SQL', 'server/kernel/a.fn.sql', [
    "select 'it''s;",
    "select 'it''s', e'it\\'s';",
  ]),
  inFile('legible', 'a body in SQL', 'server/kernel/a.fn.sql', ['as $a$ $$;', 'as $a$ $$ $a$;']),
  inFile('legible', 'a quoted body', 'server/kernel/a.fn.sql', [
    "create function kernel.a@v() returns int as 'select 1' language sql;",
    "create function kernel.a@v() returns int as $$select 1$$ language sql; -- as 'one'",
  ]),
];
