// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code is planted in strings here.
import { describe, expect, it } from 'vitest';
import { functionsOf } from './brackets.ts';
import { importsOf } from './imports.ts';
import { lines } from './planted.ts';
import { looksLikeSql, scanSql } from './scan-sql.ts';
import { scanTs } from './scan-ts.ts';
import { lineAt } from './source.ts';

const blankedIn = (text: string, jsx = false) => scanTs(text, jsx).code.replace(/ +/g, ' ');

describe('the scanner of TypeScript', () => {
  it.each([
    ["a('b // c') // d", "a(' ') "],
    ["a('it\\'s') + \"'\"", 'a(\' \') + " "'],
    ['a /* b\n c */ d', 'a \n d'],
    ['`a ${b + `c ${d}`} e`', '` ${b + ` ${d}`} `'],
    ['`a \\${b} \\` c` + d', '` ` + d'],
    ['`${{ a: { b } }}` + c', '`${{ a: { b } }}` + c'],
    ['a / b / c', 'a / b / c'],
    ['a.replace(/[\'"`]/g, b)', 'a.replace(/ /g, b)'],
    ['return /[/}]\\//.test(a)', 'return / /.test(a)'],
    ['x = [ // one\n  /{/,\n]', 'x = [ \n / /,\n]'],
    ['b[0] / 2 + (c) / 3', 'b[0] / 2 + (c) / 3'],
    ["#!/usr/bin/env node\nimport 'a'", " \nimport ' '"],
    ["it's {a}", "it's {a}"],
  ])('%j', (text, expected) => {
    expect(blankedIn(text)).toBe(expected);
  });

  it.each([
    ["<p>Don't {a} // b</p>", '<p> {a} </p>'],
    ['<a b="c {" d={e}>f</a>', '<a b=" " d={e}> </a>'],
    ['a && <b />; c', 'a && <b />; c'],
    ['(\n  <>\n    it\'s {d("}")}\n  </>\n)', '(\n <>\n {d(" ")}\n </>\n)'],
    ['<A<B> c>d`</A>', '<A<B> c> </A>'],
    ['{ok ? <b>no`</b> : <i>y`</i>}', '{ok ? <b> </b> : <i> </i>}'],
    ['const f = <T,>(a: T) => `b`;', 'const f = <T,>(a: T) => ` `;'],
    ["type F = <T>(a: T) => 'b';", "type F = <T>(a: T) => ' ';"],
    ["a < b ? 'c' : d > e", "a < b ? ' ' : d > e"],
  ])('in TSX: %j', (text, expected) => {
    expect(blankedIn(text, true)).toBe(expected);
  });

  it('keeps every character in its place', () => {
    const text = "a('x')\n`b ${c /* d */} e\n${'f'} g` /h/ // i\n";
    const { code, literals, comments } = scanTs(text);
    expect(code.length).toBe(text.length);
    for (const { text: own, start, end } of literals) expect(own.length).toBe(end - start);
    expect(literals.map((literal) => literal.text.trim())).toEqual([
      'x',
      'f',
      'b $            e\n$      g',
    ]);
    expect(comments.map(({ start, end }) => text.slice(start, end))).toEqual(['/* d */', '// i']);
  });
});

describe('imports', () => {
  it('are told from text that looks like one', () => {
    const path = 'server/modules/orders/a.ts';
    const text = lines(
      "// import { a } from './comment.ts';",
      "/* import './comment.ts' */ const b = \"import './string.ts'\";",
      'const c = `',
      "import { d } from './template.ts';",
      "${e}`; const f = /'/; import g, { h as i } from './one.ts';",
      "import type j from './two.ts';",
      "export type { k } from './three.ts'; export * as l from './four.ts';",
      "const m = await import('./five.ts'); type N = typeof import('./six.ts');",
      "import o from 'pg'; import './seven.ts'; a.import('./method.ts');",
      "export { p }; export const from = './export.ts'; const q = import.meta.url;",
    );
    const found = [...importsOf({ path, text })].sort((a, b) => a.start - b.start);
    expect(found.map(({ specifier, kind }) => `${kind} ${specifier}`)).toEqual([
      'value ./one.ts',
      'type ./two.ts',
      'type ./three.ts',
      'value ./four.ts',
      'value ./five.ts',
      'type ./six.ts',
      'value pg',
      'value ./seven.ts',
    ]);
    expect(found[0]?.target).toBe('server/modules/orders/one.ts');
    expect(found.find(({ specifier }) => specifier === 'pg')?.target).toBeNull();
  });
});

describe('functions', () => {
  it('are measured from their parameters to the end of their body', () => {
    const text = lines(
      'function a(b: { c: 1 }): { d: 1 } | null {', // 1
      '  if (b) {',
      '  }',
      '}', // 4
      'const e = async (f: () => void): Promise<{ g: 1 }> => {', // 5
      '};', // 6
      'class H {',
      '  constructor() {', // 8
      '  }', // 9
      '  get i(): readonly string[] {', // 10
      '  }', // 11
      '}',
      'export function j(', // 13
      '  k: string,',
      '): asserts k is string {',
      '}', // 16
      'const l = (m) => ({', // 17
      '});', // 18
    );
    const file = { path: 'server/a.ts', text };
    const spans = functionsOf(file)
      .map(({ start, end }) => `${lineAt(file, start)}-${lineAt(file, end)}`)
      .filter((span) => new Set(span.split('-')).size === 2);
    expect(new Set(spans)).toEqual(new Set(['1-4', '5-6', '8-9', '10-11', '13-16', '17-18']));
  });
});

describe('the scanner of SQL', () => {
  it('blanks comments and strings, and keeps bodies between dollar quotes', () => {
    const text = "SELECT 'a''b', E'c\\'d' -- e\n/* f */ as $x$ g '$$' $x$;";
    const { code, bodies, problem } = scanSql(text);
    expect(code.replace(/ +/g, ' ')).toBe('select , \n as $x$ g $x$;');
    expect(bodies.map(({ start, end }) => text.slice(start, end))).toEqual(["$x$ g '$$' $x$"]);
    expect(problem).toBeNull();
  });

  it.each([
    ['select 1 from a', true],
    ['  SELECT a\nFROM b', true],
    ['exists (select from a)', true],
    ['update a.b set c = 1', true],
    ['Select two seats from the map.', false],
    ['Insert into the reader', false],
    ['update your settings', false],
    ['from one to two', false],
  ])('tells statements from sentences: %j', (text, expected) => {
    expect(looksLikeSql(text)).toBe(expected);
  });
});
