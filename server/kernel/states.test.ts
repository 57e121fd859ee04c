import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect } from '../../test/kit/kernel.ts';
import { machines } from '../app.ts';
import { canMove, defineMachine, machineDifferences } from './states.ts';

describe('a machine', () => {
  const door = () =>
    defineMachine({
      name: 'door',
      initial: ['shut'],
      edges: { shut: ['open', 'locked'], open: ['shut'], locked: [] },
    });

  it('knows what may follow what', () => {
    expect(canMove(door(), 'shut', 'open')).toBe(true);
    expect(canMove(door(), 'open', 'locked')).toBe(false);
    expect(canMove(door(), 'locked', 'shut')).toBe(false);
    expect(canMove(door(), 'open', 'open')).toBe(false);
  });

  it('must reach every state', () => {
    const island = { name: 'm', initial: ['a'], edges: { a: [], b: ['a'] } } as const;
    expect(() => defineMachine<'a' | 'b'>(island)).toThrow('machine m: b cannot be reached');
  });

  it('must know every state that it leads to', () => {
    const edges = { a: ['z'] } as unknown as Record<'a', readonly 'a'[]>;
    const broken = { name: 'm', initial: ['a'] as const, edges };
    expect(() => defineMachine(broken)).toThrow('machine m: unknown state z');
  });
});

describe('the machines of the database', () => {
  let database: TestDb;
  beforeAll(async () => {
    database = await cloneDb();
  });
  afterAll(() => database.close());

  const asOwner = async (...statements: string[]) => {
    const owner = await connect(database.url);
    try {
      for (const statement of statements) await owner.query(statement);
    } finally {
      await owner.end();
    }
  };

  it('are those of this build', async () => {
    expect(machines.length).toBeGreaterThanOrEqual(6);
    expect(await machineDifferences(database.db, machines)).toEqual([]);
  });

  it('differ where an edge is missing, unknown, or a whole machine is', async () => {
    const [event, ...others] = machines;
    const differences = await machineDifferences(database.db, others);
    expect(differences.length).toBeGreaterThan(0);
    expect(differences.every((line) => line.includes(`unknown transition ${event?.name}: `))).toBe(
      true,
    );
    await asOwner(
      `insert into kernel.transition values ('order', 'refunded', 'pending')`,
      `delete from kernel.transition where machine = 'order' and from_state = ''`,
    );
    expect(await machineDifferences(database.db, machines)).toEqual([
      'the database lacks the transition order:  -> pending',
      'the database allows the unknown transition order: refunded -> pending',
    ]);
    await asOwner(
      `delete from kernel.transition where from_state = 'refunded' and to_state = 'pending'`,
      `insert into kernel.transition values ('order', '', 'pending')`,
    );
    expect(await machineDifferences(database.db, machines)).toEqual([]);
  });
});

describe('the guard of a table', () => {
  let database: TestDb;
  let owner: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    database = await cloneDb();
    owner = await connect(database.url);
    await owner.query(`
      create schema scratch;
      create table scratch.door (event_id text, door_id text primary key, status text not null);
      create trigger guard before insert or update on scratch.door for each row
        execute function kernel.guard_state('door', 'door_id', 'status', 'log');
      insert into kernel.transition values ('door', '', 'shut'), ('door', 'shut', 'open')`);
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const refused = (statement: string) => expect(owner.query(statement)).rejects;
  const insert = (id: string, status: string) =>
    `insert into scratch.door values ('evt_1', '${id}', '${status}')`;
  const changes = async (id: string) => {
    const { rows } = await owner.query(
      `select from_state, to_state, actor, request_id from kernel.state_change
       where object_id = $1 order by seq`,
      [id],
    );
    return rows;
  };

  it('lets a thing begin only where its machine begins', async () => {
    await refused(insert('d0', 'open')).toThrow('illegal door transition: (new) to open');
    await owner.query(insert('d1', 'shut'));
  });

  it('refuses an edge that is not there, with a code of its own', async () => {
    await owner.query(insert('d2', 'shut'));
    await owner.query(`update scratch.door set status = 'open' where door_id = 'd2'`);
    await refused(`update scratch.door set status = 'shut' where door_id = 'd2'`).toMatchObject({
      code: '23514',
      constraint: 'guard_state',
      message: 'illegal door transition: open to shut',
    });
    await refused(`update scratch.door set status = 'burnt' where door_id = 'd2'`).toThrow('burnt');
  });

  it('writes down each change, who made it and by which request', async () => {
    await owner.query('begin');
    await owner.query(`set local fanfare.actor = 'usr_1'; set local fanfare.request_id = 'req-1'`);
    await owner.query(insert('d3', 'shut'));
    await owner.query('commit');
    await owner.query(`update scratch.door set status = 'shut' where door_id = 'd3'`);
    await owner.query(`update scratch.door set status = 'open' where door_id = 'd3'`);
    expect(await changes('d3')).toEqual([
      { from_state: null, to_state: 'shut', actor: 'usr_1', request_id: 'req-1' },
      { from_state: 'shut', to_state: 'open', actor: 'system', request_id: null },
    ]);
  });

  it('stands before every state column that has a machine', async () => {
    const { rows } = await owner.query<{ machine: string }>(
      `select distinct split_part(encode(tgargs, 'escape'), '\\000', 1) as machine
       from pg_trigger where tgfoid = 'kernel.guard_state'::regproc and tgname <> 'guard'`,
    );
    const guarded = rows.map((row) => row.machine);
    expect(machines.map((machine) => machine.name).filter((n) => !guarded.includes(n))).toEqual([]);
  });
});
