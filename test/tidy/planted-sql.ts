// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code is planted in strings here.
import { inFile, lines, type Plant } from './planted.ts';

const orders = 'server/modules/orders/order.sql.ts';
const ordersFn = 'server/modules/orders/settle.fn.sql';
const ordersView = 'server/modules/orders/order.view.sql.ts';
const useCase = 'server/modules/orders/cancel-order.ts';

const statement = (text: string) => `export const one = command\`${text}\`;`;
const body = (text: string) =>
  lines(
    'create function orders.settle@v(p_event text) returns void language plpgsql as $$',
    'begin',
    `  ${text}`,
    'end $$;',
  );

const stray: readonly (readonly [string, string])[] = [
  ['const text = `select id from orders.ticket`;', "const text = 'Select a seat from the map';"],
  ["const text = 'SELECT id FROM ticket';", "const text = 'please select a seat from the map';"],
  ['const text = `with a as (select 1 from b) c`;', 'const text = `as (selected from b)`;'],
  ["const text = 'insert into orders.ticket (id)';", "const text = 'put it into orders';"],
  ["const text = 'update ticket t set state = $1';", "const text = 'update the set of seats';"],
  ["const text = 'delete from orders.ticket';", "const text = 'remove from orders';"],
  ["const text = 'select orders.settle($1)';", "const text = 'selects orders.settle';"],
  ['const text = `perform inventory.hold@v(1)`;', 'const text = `name@v`;'],
  [
    "import { rows as r } from '../../kernel/sql.ts';",
    "import type { Statement } from '../../kernel/sql.ts';",
  ],
  ["import * as sql from '../../kernel/sql.ts';", "import { all } from '../../kernel/db.ts';"],
  ["import pg from 'pg';", "import type pg from 'pg';"],
];

const foreignWrites: readonly (readonly [string, string])[] = [
  ['insert into inventory.pool (id) values (1)', 'insert into orders.ticket (id) values (1)'],
  ['insert into orders.ticket (id) values (1); delete from inventory.pool', 'select 1'],
  ['update inventory.pool p set held = 1', 'update orders.ticket t set held = 1'],
  ['update only "inventory"."pool" set held = 1', 'update only "orders"."ticket" set held = 1'],
  ['delete from inventory.pool where id = 1', 'delete from orders.ticket where id = 1'],
  ['merge into inventory.pool p using x on true', 'merge into orders.ticket p using x on true'],
  ['insert into kernel.outbox (id) values (1)', 'select kernel.announce@v(1)'],
  ['insert into kernel.job (id) values (1)', 'select kernel.enqueue@v(1)'],
  ['insert into ticket (id) values (1)', 'select 1'],
  ['insert into ${table} (id) values (1)', 'insert into orders.ticket (id) values (${id})'],
  [
    'update ticket set held = 1',
    'insert into orders.ticket (id) values (1) on conflict (id) do update set held = 1',
  ],
  ['delete from ticket', 'select id from orders.ticket for no key update'],
];

export const sqlPlants: readonly Plant[] = [
  ...stray.map((pair) => inFile('sql-place', `stray: ${pair[0]}`, useCase, pair)),
  inFile('sql-place', 'a statement over lines', 'server/main.ts', [
    'const text = `\n  select id\n  from orders.ticket`;',
    'const text = `\n  selected:\n  from the map`;',
  ]),
  {
    rule: 'sql-place',
    title: 'a file of SQL in a room',
    fault: { 'server/modules/orders/order.sql': 'select 1;\n' },
    at: 'server/modules/orders/order.sql:1',
    twin: { [ordersFn]: 'select 1;\n', 'bench/load.sql': 'select 1;\n' },
  },
  ...foreignWrites.map(([fault, twin]) =>
    inFile('own-tables', `a room writes: ${fault}`, orders, [statement(fault), statement(twin)]),
  ),
  inFile(
    'own-tables',
    'a function writes another room',
    ordersFn,
    [
      body('update inventory.pool set held = 1;'),
      body("insert into kernel.outbox (event_id, kind) values (p_event, 'order_paid');"),
    ],
    3,
  ),
  inFile(
    'own-tables',
    'a function enqueues a job',
    ordersFn,
    [body('insert into kernel.job (kind) values (1);'), body('perform kernel.enqueue@v(1);')],
    3,
  ),
  inFile(
    'own-tables',
    'a function with dynamic SQL',
    ordersFn,
    [
      body("execute format('delete from %s', p_table);"),
      lines(
        'grant execute on function orders.settle@v(text) to fanfare_app;',
        'create trigger t before update on orders.ticket',
        "  for each row execute function kernel.guard_state('order');",
      ),
    ],
    3,
  ),
  inFile('own-tables', 'a function under a foreign name', ordersFn, [
    body('return;').replace('orders.settle', 'inventory.settle'),
    body('return;'),
  ]),
  inFile('own-tables', 'the kernel writes a room', 'server/kernel/jobs.ts', [
    statement('delete from orders.ticket'),
    statement('delete from kernel.job'),
  ]),
  inFile('own-tables', 'the sandbox writes a room', 'server/sandbox/ledger.sql.ts', [
    statement('delete from payments.payment'),
    statement('delete from sandbox.charge'),
  ]),
  inFile('own-tables', 'an adapter writes a room', 'server/adapters/kafka/sink.sql.ts', [
    statement('delete from orders.ticket'),
    statement('select pg_advisory_lock(1) from generate_series(1, 2) -- delete from orders.ticket'),
  ]),
  inFile('sql-calls', 'a function of a room above', 'server/modules/inventory/hold.sql.ts', [
    statement('select orders.settle@v(1)'),
    statement('select kernel.instant(1), venues.seats@v(1), inventory.hold@v(1)'),
  ]),
  inFile(
    'sql-calls',
    'a function calls a function above',
    ordersFn,
    [
      body('perform shopping.close@v(p_event);'),
      body('perform inventory.sell@v(array[1]::inventory.sale_request[]);'),
    ],
    3,
  ),
  inFile(
    'sql-calls',
    'reporting calls what it may only read',
    'server/modules/reporting/a.sql.ts',
    [statement('select orders.settle@v(1)'), statement('select identity.name_of@v(1)')],
  ),
  inFile('sql-calls', 'the kernel calls a room', 'server/kernel/jobs.ts', [
    statement('select orders.settle@v(1)'),
    statement('select kernel.instant(1)'),
  ]),
  inFile('sql-reads', 'a statement reads another room', orders, [
    statement('select p.id from inventory.pool p'),
    statement('select t.id from orders.ticket t'),
  ]),
  inFile('sql-reads', 'a join with another room', orders, [
    statement('select 1 from orders.ticket t join inventory.pool p using (id)'),
    statement('select 1 from orders.ticket t join orders.line p using (id)'),
  ]),
  inFile(
    'sql-reads',
    'a list of tables, one of another room',
    orders,
    [
      statement('select 1 from orders.ticket t,\n  inventory.pool p'),
      statement(
        "select 1 from orders.ticket t, -- inventory.pool\n  orders.line p where 'inventory.pool' = $1",
      ),
    ],
    2,
  ),
  inFile(
    'sql-reads',
    'a function reads another room',
    ordersFn,
    [
      body('select 1 into v from inventory.pool;'),
      body('select 1 into v from orders.ticket where x = v::inventory.status;'),
    ],
    3,
  ),
  inFile('sql-reads', 'a view reads upward', ordersView, [
    statement('select s.id from shopping.session s'),
    statement('select p.id from inventory.pool p join identity.person i using (id)'),
  ]),
  inFile(
    'sql-reads',
    'reporting reads all, but not the sandbox',
    'server/modules/reporting/a.view.sql.ts',
    [
      statement('select s.id from sandbox.charge s'),
      statement('select s.id from shopping.session s, waiting_room.spot w, kernel.job j'),
    ],
  ),
  {
    rule: 'sql-reads',
    title: 'a type may be named by whoever calls, a table may not',
    fault: {
      'db/migrations/0001-inventory.sql': 'create table inventory.line (id text);\n',
      [ordersFn]: body('return null::orders.ticket; declare v inventory.line;'),
    },
    at: `${ordersFn}:3`,
    twin: {
      'db/migrations/0001-inventory.sql': 'create type inventory.line as (id text);\n',
      [ordersFn]: body('return null::orders.ticket; declare v inventory.line;'),
    },
  },
  inFile('views', 'a view writes its own room', ordersView, [
    statement('with a as (update orders.ticket t set seen = true returning 1) select 1'),
    statement('select t.id from orders.ticket t for update'),
  ]),
  {
    rule: 'migrations',
    title: 'one number twice',
    fault: { 'db/migrations/0002-a.sql': '', 'db/migrations/0002-b.sql': '' },
    at: 'db/migrations/0002-b.sql:1',
    twin: { 'db/migrations/0002-a.sql': '', 'db/migrations/0003-b.sql': '' },
  },
  {
    rule: 'migrations',
    title: 'a name without a number',
    fault: { 'db/migrations/orders.sql': '' },
    at: 'db/migrations/orders.sql:1',
    twin: { 'db/migrations/0001-orders.sql': '' },
  },
  {
    rule: 'migrations',
    title: 'a table that a later migration makes',
    fault: {
      'db/migrations/0001-a.sql':
        'create table orders.ticket (\n  p text references venues.seat);\n',
      'db/migrations/0002-b.sql': 'create table venues.seat (id text);\n',
    },
    at: 'db/migrations/0001-a.sql:2',
    twin: {
      'db/migrations/0001-b.sql': 'create table venues.seat (id text);\n',
      'db/migrations/0002-a.sql':
        'create table orders.ticket (\n  p text references venues.seat);\n',
    },
  },
];
