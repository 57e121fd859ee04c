/**
 * SQL: where it may stand, and whose tables it may touch. One schema per room; a room writes only
 * its own, calls SQL functions along the arrows, and reads other rooms' tables in views only.
 */
import { importsOf } from './imports.ts';
import { callsOf, ROOMS } from './rules-arrows.ts';
import { isMigration, looksLikeSql, type SqlUnit, sqlUnits } from './scan-sql.ts';
import { scanOf } from './scan-ts.ts';
import {
  type Finding,
  fileName,
  isScript,
  isServer,
  isSql,
  isTest,
  lineAt,
  type Rule,
  roomOf,
  type SourceFile,
  schemaOf,
  zoneOf,
} from './source.ts';

const schemaOfRoom = (room: string) => room.replaceAll('-', '_');
const SCHEMAS = new Set(['kernel', 'sandbox', ...ROOMS.map(schemaOfRoom)]);

function found(rule: string, file: SourceFile, at: number, message: string): Finding {
  return { path: file.path, line: lineAt(file, at), rule, message };
}

export const sqlPlace: Rule = {
  name: 'sql-place',
  why: 'SQL is found, prepared and planned in tests only where it is kept: *.sql.ts and *.fn.sql',
  check: (files) =>
    files.flatMap((file) => {
      const { path } = file;
      if (isTest(path) || !(isServer(path) || zoneOf(path) === 'web')) return [];
      if (isSql(path) && !path.endsWith('.fn.sql')) {
        return [
          found('sql-place', file, 0, 'SQL of the server stands in *.fn.sql or db/migrations'),
        ];
      }
      if (!isScript(path) || path.endsWith('.sql.ts') || zoneOf(path) === 'kernel') return [];
      return [...strayText(file), ...strayTags(file)];
    }),
};

function strayText(file: SourceFile): Finding[] {
  return scanOf(file)
    .literals.filter(({ text }) => looksLikeSql(text))
    .map(({ start }) =>
      found('sql-place', file, start, 'SQL text belongs in a *.sql.ts of the room'),
    );
}

function strayTags(file: SourceFile): Finding[] {
  return importsOf(file).flatMap(({ kind, specifier, target, clause, start }) => {
    if (kind === 'type') return [];
    if (target === 'server/kernel/sql.ts' && /\b(?:rows|command)\b|^\*/.test(clause)) {
      return [found('sql-place', file, start, 'the tags rows and command are for *.sql.ts')];
    }
    // Adapters and commands make databases; rooms go through kernel/db.ts.
    if (specifier !== 'pg' || (!roomOf(file.path) && zoneOf(file.path) !== 'sandbox')) return [];
    return [found('sql-place', file, start, 'the driver is for the kernel: use kernel/db.ts')];
  });
}

type Use = 'write' | 'insert' | 'define' | 'call' | 'read';
type Mention = {
  readonly unit: SqlUnit;
  readonly at: number;
  readonly schema: string;
  readonly object: string;
  readonly use: Use;
};

const NAME = /(?<![\w.$"])"?([a-z_]\w*)"?\s*\.\s*"?([a-z_]\w*)"?(?:@v)?/g;
const BEFORE: readonly (readonly [Use, RegExp])[] = [
  ['insert', /\binsert\s+into\s+$/],
  ['write', /\b(?:update|delete\s+from|merge\s+into|truncate(?:\s+table)?)\s+(?:only\s+)?$/],
  [
    'define',
    /\b(?:function|procedure|aggregate|trigger|table|view|type|domain)\s+(?:if\s+(?:not\s+)?exists\s+)?$/,
  ],
  ['read', /\b(?:references|on)\s+$/],
];

/** Every `schema.object` of a piece of SQL, and what is done to it there. */
function mentions(unit: SqlUnit): Mention[] {
  const { code } = unit.scan;
  const made: Mention[] = [];
  for (const match of code.matchAll(NAME)) {
    const [schema, object] = [match[1] ?? '', match[2] ?? ''];
    if (!SCHEMAS.has(schema)) continue;
    const end = match.index + match[0].length;
    const before = code.slice(Math.max(0, match.index - 60), match.index);
    const use = useOf(before, code.slice(end, end + 20));
    if (use) made.push({ unit, at: unit.offset + match.index, schema, object, use });
  }
  return made;
}

/** Null for a type: who calls a function may name the types of its arguments and results. */
function useOf(before: string, after: string): Use | null {
  const use = BEFORE.find(([, pattern]) => pattern.test(before))?.[0];
  if (use === 'define' && /\bexecute\s+(?:function|procedure)\s+$/.test(before)) return 'call';
  if (use) return use;
  if (/^\s*\(/.test(after)) return 'call';
  if (/::\s*$/.test(before) || /^%|^\s*\[/.test(after)) return null;
  return 'read';
}

const TYPES = /\bcreate\s+(?:type|domain)\s+([a-z_]\w*\.[a-z_]\w*)/g;

/** All mentions in SQL that belongs to somebody; migrations lay out every schema. */
function ownedMentions(files: readonly SourceFile[]): Mention[] {
  const all = files.flatMap((file) => sqlUnits(file));
  const types = new Set(
    all
      .filter(({ kind }) => kind === 'migration')
      .flatMap(({ scan }) => [...scan.code.matchAll(TYPES)].map(([, name]) => name)),
  );
  return all
    .filter(({ kind }) => kind !== 'migration')
    .flatMap(mentions)
    .filter(({ use, schema, object }) => use !== 'read' || !types.has(`${schema}.${object}`));
}

function complain(rule: string, { unit, at }: Mention, message: string): Finding {
  return found(rule, unit.file, at, message);
}

export const ownTables: Rule = {
  name: 'own-tables',
  why: 'a room writes only its own schema, so its rules hold for every row in it',
  check: (files) => [
    ...ownedMentions(files).flatMap((mention) => {
      const { unit, schema, object, use } = mention;
      if (use !== 'write' && use !== 'insert' && use !== 'define') return [];
      const own = schemaOf(unit.file.path);
      if (schema === own) return [];
      const owesFact = use === 'insert' && unit.kind === 'function' && own !== null;
      if (owesFact && schema === 'kernel' && object === 'outbox') return [];
      const message = `writes ${schema}.${object}, but owns ${own ?? 'no schema'}`;
      return [complain('own-tables', mention, message)];
    }),
    ...files.flatMap(hiddenTargets),
  ],
};

const UNNAMED =
  /\b(?:(?:insert|merge)\s+into|delete\s+from)\s+(?:only\s+)?(?:"?[a-z_]\w*\b(?!"?\s*\.)|\$)|\bupdate\s+(?:only\s+)?(?!set\b)(?:"?[a-z_]\w*\b(?!"?\s*\.)"?|\$)(?:\s+(?:as\s+)?\w+)?\s+set\b/g;
const DYNAMIC = /(?<!\bgrant\s+)\bexecute\s+(?!function\b|procedure\b|on\b)/g;

/** Writes whose table this test cannot see. */
function hiddenTargets(file: SourceFile): Finding[] {
  return sqlUnits(file).flatMap(({ kind, offset, scan }) => {
    if (kind === 'migration') return [];
    const at = (match: RegExpMatchArray) => offset + (match.index ?? 0);
    const unnamed = [...scan.code.matchAll(UNNAMED)].map((match) =>
      found('own-tables', file, at(match), 'a write names its table as schema.table'),
    );
    if (kind !== 'function') return unnamed;
    const dynamic = [...scan.code.matchAll(DYNAMIC)].map((match) =>
      found('own-tables', file, at(match), 'dynamic SQL hides the tables it touches'),
    );
    return [...unnamed, ...dynamic];
  });
}

export const sqlCalls: Rule = {
  name: 'sql-calls',
  why: "a room's SQL function is a door too: it is called along the same arrows",
  check: (files) =>
    ownedMentions(files).flatMap((mention) => {
      const { unit, schema, object, use } = mention;
      if (use !== 'call' || mayUse(unit.file.path, schema, 'call')) return [];
      const who = schemaOf(unit.file.path) ?? zoneOf(unit.file.path);
      return [complain('sql-calls', mention, `${who} may not call ${schema}.${object}`)];
    }),
};

export const sqlReads: Rule = {
  name: 'sql-reads',
  why: "other rooms' tables are read by views for screens only, downward, or they can never change",
  check: (files) =>
    ownedMentions(files).flatMap((mention) => {
      const { unit, schema, object, use } = mention;
      if (use !== 'read' || schema === schemaOf(unit.file.path)) return [];
      const what = `${schema}.${object}`;
      if (unit.kind !== 'view') {
        return [complain('sql-reads', mention, `${what} is read in *.view.sql.ts only`)];
      }
      if (mayUse(unit.file.path, schema, 'read')) return [];
      const who = schemaOf(unit.file.path) ?? zoneOf(unit.file.path);
      return [complain('sql-reads', mention, `${who} may not read ${what}`)];
    }),
};

/** Reporting stands on top of everything and reads it all; calls follow the arrows there too. */
function mayUse(path: string, schema: string, how: 'call' | 'read'): boolean {
  if (schema === 'kernel' || schema === schemaOf(path)) return true;
  const room = roomOf(path);
  if (room === null) return false;
  if (room === 'reporting' && how === 'read') return schema !== 'sandbox';
  return (callsOf(room) ?? []).map(schemaOfRoom).includes(schema);
}

export const views: Rule = {
  name: 'views',
  why: 'a view for screens reads; whoever looks must never change what is seen',
  check: (files) =>
    files.flatMap((file) =>
      sqlUnits(file).flatMap((unit) =>
        unit.kind !== 'view'
          ? []
          : [...unit.scan.code.matchAll(WRITES)].map(({ index }) =>
              found('views', file, unit.offset + index, '*.view.sql.ts never writes'),
            ),
      ),
    ),
};

const WRITES =
  /\b(?:insert\s+into|delete\s+from|merge\s+into|truncate)\s|(?<!\bfor\s+|\bkey\s+|\bdo\s+)\bupdate\s+[\w".$]+(?:\s+(?:as\s+)?\w+)?\s+set\b/g;

export const migrations: Rule = {
  name: 'migrations',
  why: 'migrations run once each, in the order of their numbers, on databases we cannot see',
  check: (files) => {
    const all = files.filter(({ path }) => isMigration(path));
    const seen = new Map<string, string>();
    const numbers = [...all]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .flatMap((file) => {
        const number = /^(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.sql$/.exec(fileName(file.path))?.[1];
        if (!number) return [found('migrations', file, 0, 'name it NNNN-what-it-does.sql')];
        const twin = seen.get(number);
        seen.set(number, twin ?? file.path);
        return twin ? [found('migrations', file, 0, `${number} is taken by ${twin}`)] : [];
      });
    return [...numbers, ...outOfOrder(all)];
  },
};

const CREATES =
  /\bcreate\s+(?:or\s+replace\s+)?(?:unlogged\s+)?(?:function|table|view|materialized\s+view|type|domain|sequence)\s+(?:if\s+not\s+exists\s+)?([a-z_]\w*\.[a-z_]\w*)/g;

/** Names that a migration uses before the migration that makes them has run. */
function outOfOrder(all: readonly SourceFile[]): Finding[] {
  const madeIn = new Map<string, string>();
  const codes = all.map((file) => ({ file, code: sqlUnits(file)[0]?.scan.code ?? '' }));
  for (const { file, code } of codes) {
    for (const [, name = ''] of code.matchAll(CREATES)) {
      const earliest = madeIn.get(name);
      if (earliest === undefined || file.path < earliest) madeIn.set(name, file.path);
    }
  }
  return codes.flatMap(({ file, code }) =>
    [...code.matchAll(NAME)].flatMap(({ 1: schema, 2: object, index }) => {
      const made = madeIn.get(`${schema}.${object}`) ?? file.path;
      if (made <= file.path) return [];
      const message = `uses ${schema}.${object}, which ${made} makes later`;
      return [found('migrations', file, index, message)];
    }),
  );
}
