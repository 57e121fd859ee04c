/**
 * Who may call whom. The table below *is* the diagram of ARCHITECTURE.md: change both together.
 * Inventory never knows an order, and payments never know a ticket, because nothing here lets them.
 */
import { type Import, importsOf } from './imports.ts';
import {
  type Finding,
  isScript,
  isServer,
  isTest,
  lineAt,
  type Rule,
  roomOf,
  type SourceFile,
  type Zone,
  zoneOf,
} from './source.ts';

const CALLS: Readonly<Record<string, readonly string[]>> = {
  identity: [],
  venues: ['identity'],
  approvals: ['identity'],
  'ticket-codes': [],
  'waiting-room': ['identity'],
  payments: ['identity'],
  inventory: ['identity', 'venues'],
  catalog: ['identity', 'venues', 'inventory'],
  promotions: ['identity', 'catalog', 'payments'],
  orders: ['identity', 'approvals', 'ticket-codes', 'inventory', 'promotions', 'payments'],
  exchange: ['identity', 'catalog', 'inventory', 'orders', 'payments'],
  shopping: [
    'identity',
    'approvals',
    'catalog',
    'inventory',
    'waiting-room',
    'promotions',
    'orders',
    'payments',
    'exchange',
  ],
  sessions: ['identity', 'catalog', 'inventory', 'promotions', 'orders', 'payments', 'shopping'],
  waitlist: ['identity', 'catalog', 'inventory', 'shopping', 'sessions', 'notifications'],
  papers: ['identity', 'ticket-codes', 'catalog', 'orders', 'payments'],
  books: ['identity', 'payments'],
  changes: ['identity', 'venues', 'catalog', 'inventory', 'orders', 'payments', 'promotions'],
  door: ['identity', 'ticket-codes', 'orders'],
  notifications: ['identity', 'catalog', 'orders', 'papers', 'changes'],
  people: ['identity', 'notifications'],
  live: ['identity', 'catalog', 'inventory', 'orders', 'payments', 'sessions'],
  webhooks: ['identity', 'catalog'],
  reporting: ['identity'],
};

export const ROOMS: readonly string[] = Object.keys(CALLS);

/** The rooms that `room` may call; undefined for a room that is not in the table. */
export function callsOf(room: string): readonly string[] | undefined {
  return CALLS[room];
}

type Edge = { readonly file: SourceFile; readonly made: Import; readonly target: string };

/** Imports of this repository's own files, tests left out: they may set up what they like. */
function edges(files: readonly SourceFile[]): Edge[] {
  return files
    .filter((file) => isScript(file.path) && !isTest(file.path))
    .flatMap((file) =>
      importsOf(file).flatMap((made) =>
        made.target === null ? [] : [{ file, made, target: made.target }],
      ),
    );
}

type RoomImport = Edge & { readonly from: string; readonly to: string };

/** Imports from one room into another, of types too. */
export function roomImports(files: readonly SourceFile[]): RoomImport[] {
  return edges(files).flatMap((edge) => {
    const from = roomOf(edge.file.path);
    const to = roomOf(edge.target);
    return from === null || to === null || from === to ? [] : [{ ...edge, from, to }];
  });
}

function found(rule: string, file: SourceFile, at: number, message: string): Finding {
  return { path: file.path, line: lineAt(file, at), rule, message };
}

export const arrows: Rule = {
  name: 'arrows',
  why: 'rooms call each other downward only; anything upward is a fact, whose type is free',
  check: (files) => [
    ...unknownRooms(files),
    ...roomImports(files)
      .filter(({ from, to, made }) => made.kind !== 'type' && !CALLS[from]?.includes(to))
      .filter(({ from }) => CALLS[from])
      .map(({ file, made, from, to }) => {
        const may = CALLS[from]?.join(', ') || 'nobody';
        return found('arrows', file, made.start, `${from} calls ${to}, but may call ${may}`);
      }),
  ],
};

function unknownRooms(files: readonly SourceFile[]): Finding[] {
  const firstFile = new Map<string, SourceFile>();
  for (const file of files) {
    const room = roomOf(file.path);
    if (room && !CALLS[room] && !firstFile.has(room)) firstFile.set(room, file);
  }
  return [...firstFile].map(([room, file]) =>
    found('arrows', file, 0, `the room ${room} is not in the table of test/tidy/rules-arrows.ts`),
  );
}

type Layer = { readonly values: readonly Zone[]; readonly types: readonly Zone[] };

/** From a zone to those that it may import, and those it may name without calling. */
const LAYERS: Readonly<Partial<Record<Zone, Layer>>> = {
  kernel: { values: ['kernel'], types: [] },
  room: { values: ['kernel', 'room'], types: [] },
  adapters: { values: ['kernel', 'adapters'], types: ['room'] },
  sandbox: { values: ['kernel', 'sandbox'], types: [] },
  wiring: { values: ['kernel', 'room', 'adapters', 'sandbox', 'wiring', 'server'], types: [] },
  server: { values: ['kernel', 'server'], types: [] },
  web: { values: ['web'], types: [] },
};

export const layers: Rule = {
  name: 'layers',
  why: 'only wiring plugs the outside in; the kernel knows no room; web speaks HTTP',
  check: (files) =>
    edges(files).flatMap(({ file, made, target }) => {
      const from = zoneOf(file.path);
      const to = zoneOf(target);
      const may = LAYERS[from];
      if (!may || to === 'elsewhere' || may.values.includes(to)) return [];
      if (made.kind === 'type' && may.types.includes(to)) return [];
      const message = `${from} imports ${to} (${target}), but may import ${may.values.join(', ')}`;
      return [found('layers', file, made.start, message)];
    }),
};

export const cycles: Rule = {
  name: 'cycles',
  why: 'two rooms that need each other are one room',
  check: (files) => {
    const calls = roomImports(files).filter(({ made }) => made.kind !== 'type');
    const told = new Set<string>();
    return calls.flatMap(({ file, made, from, to }) => {
      const back = pathBetween(calls, to, from);
      const members = back ? [...back].sort().join() : '';
      if (!back || told.has(members)) return [];
      told.add(members);
      const round = [from, ...back].join(' → ');
      return [found('cycles', file, made.start, `rooms import each other in a circle: ${round}`)];
    });
  },
};

function pathBetween(calls: readonly RoomImport[], from: string, to: string): string[] | null {
  const cameFrom = new Map<string, string | null>([[from, null]]);
  // A map hands out what is added while it is walked: this is the search's queue.
  for (const [room] of cameFrom) {
    if (room === to) {
      const path: string[] = [];
      for (let at: string | null = room; at !== null; at = cameFrom.get(at) ?? null)
        path.unshift(at);
      return path;
    }
    for (const call of calls) {
      if (call.from === room && !cameFrom.has(call.to)) cameFrom.set(call.to, room);
    }
  }
  return null;
}

export const readablePaths: Rule = {
  name: 'readable-paths',
  why: 'a path that is computed, aliased or absolute hides an arrow from this test',
  check: (files) =>
    files
      .filter((file) => isScript(file.path) && isServer(file.path))
      .flatMap((file) =>
        importsOf(file).flatMap(({ kind, specifier, start }) => {
          if (kind === 'computed') {
            return [found('readable-paths', file, start, 'import() takes one literal path')];
          }
          if (!/^(?:[#/~]|@\/|file:|fanfare(?:\/|$))/.test(specifier)) return [];
          return [found('readable-paths', file, start, `write ${specifier} as a relative path`)];
        }),
      ),
};

export const doors: Rule = {
  name: 'doors',
  why: 'what is not exported by the door (index.ts) of a room may change without asking anybody',
  check: (files) =>
    files
      .filter(({ path }) => isScript(path) && /^(?:server|tools)\//.test(path))
      .flatMap((file) =>
        importsOf(file).flatMap(({ target, start }) => {
          const room = target === null ? null : roomOf(`${target}/`);
          if (!room || room === roomOf(file.path)) return [];
          const door = `server/modules/${room}/index.ts`;
          if (target === door) return [];
          return [found('doors', file, start, `enter ${room} through ${door}, not ${target}`)];
        }),
      ),
};

export const flatRooms: Rule = {
  name: 'flat-rooms',
  why: 'a room is flat: layers inside it would be a second architecture',
  check: (files) =>
    files.flatMap((file) => {
      if (!file.path.startsWith('server/modules/')) return [];
      const depth = file.path.split('/').length;
      if (depth === 4) return [];
      const message = depth < 4 ? 'a file beside the rooms' : 'a folder inside a room';
      return [found('flat-rooms', file, 0, message)];
    }),
};
