/**
 * The selling side can be distributed by event. Every transaction there touches one event: each
 * function begins with it, each statement names it for each table that it touches.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { functionFiles } from '../../server/kernel/functions.ts';
import { projectRoot } from '../../server/kernel/root.ts';

const HOT = [
  'inventory.sale',
  'inventory.pool',
  'inventory.ticket_type',
  'inventory.seat',
  'inventory.hold',
  'inventory.hold_archive',
  'inventory.person_use',
  'orders.order',
  'orders.order_item',
  'orders.ticket',
  'payments.payment',
  'payments.refund',
  'payments.transfer',
  'kernel.outbox',
  'kernel.state_change',
];
const TOUCHES = new RegExp(
  String.raw`\b(?:from|join|update|into|using)\s+(${HOT.join('|').replaceAll('.', '\\.')})\b(?!_)`,
  'g',
);

type Sql = { readonly where: string; readonly text: string };

/** The functions of a file: their heads, up to the body, and their bodies. */
function functionsIn({ where, text }: Sql) {
  const found = text.matchAll(
    /create function ([\w.]+@v)\(([\s\S]*?)\)\s*(?:returns|language)[\s\S]*?\$\$([\s\S]*?)\$\$/g,
  );
  return [...found].map(([, name = '', parameters = '', body = '']) => ({
    where: `${where} ${name}`,
    parameters,
    body: body.replace(/--.*$/gm, ''),
  }));
}

/** Functions on hot tables that do not begin with the event, and statements that do not name it. */
function findIn(file: Sql): string[] {
  return functionsIn(file).flatMap(({ where, parameters, body }) => {
    const first = /^\s*p_event text\b/.test(parameters);
    const missing = TOUCHES.test(body) && !first ? [`${where}: its first argument`] : [];
    TOUCHES.lastIndex = 0;
    return [...missing, ...statementsIn({ where, text: body })];
  });
}

/** Each table that a statement touches needs its own mention of the event. */
function statementsIn({ where, text }: Sql): string[] {
  return text.split(';').flatMap((statement) => {
    const tables = [...statement.matchAll(TOUCHES)].map(([, table = '']) => table);
    const named = statement.match(/event_id\b/g)?.length ?? 0;
    return tables.length > named ? [`${where}: ${tables.join(', ')}`] : [];
  });
}

const sellingFiles = () =>
  functionFiles().filter(({ path }) =>
    /modules\/(inventory|orders|payments|promotions|shopping|sessions|changes)\//.test(path),
  );

/** The statements of a room that write: those that find rows over many events only read. */
function writesIn(room: string): Sql[] {
  const folder = join(projectRoot, 'server/modules', room);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql.ts'))
    .flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/`([^`]*)`/g)]
        .map(([, text = '']) => ({ where: `${room}/${name}`, text }))
        .filter(({ text }) => /^\s*(insert|update|delete)\b/.test(text)),
    );
}

describe('one event in each transaction of the selling side', () => {
  it('every function begins with the event, every statement names it', () => {
    const files = sellingFiles().map(({ path, text }) => ({ where: path, text }));
    expect(files.flatMap(functionsIn).length).toBeGreaterThan(60);
    expect(files.flatMap(findIn)).toEqual([]);
  });

  it('every statement that writes outside of the functions names it', () => {
    const writes = ['inventory', 'orders', 'payments'].flatMap(writesIn);
    expect(writes.length).toBeGreaterThan(5);
    expect(writes.flatMap(statementsIn)).toEqual([]);
  });

  it.each([
    [
      'a function without the event',
      'p_hold text',
      'select from inventory.hold h where h.event_id = 1;',
    ],
    ['a statement without it', 'p_event text', 'update inventory.hold set status = p_to;'],
    [
      'a table of several without it',
      'p_event text',
      'select from orders.order o join orders.ticket t on t.order_id = o.order_id where o.event_id = p_event;',
    ],
  ])('is missed in %s', (_what, parameters, body) => {
    const text = `create function orders.bad@v(${parameters}) returns void language sql as $$ ${body} $$`;
    expect(findIn({ where: 'bad', text })).toHaveLength(1);
  });
});
