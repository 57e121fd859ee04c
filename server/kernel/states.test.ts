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

const perRow = `
  create trigger guard before insert or update on scratch.door for each row
    execute function kernel.guard_state('door', 'door_id', 'status', 'log')`;
const perStatement = `
  create function scratch.guard_doors() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then
      perform kernel.move_states('door', array_agg(n.event_id), array_agg(n.door_id),
        array_agg(null::text), array_agg(n.status), array_agg(n.door_id)) from new_rows n;
    else
      perform kernel.move_states('door', array_agg(n.event_id), array_agg(n.door_id),
        array_agg(o.status), array_agg(n.status), array_agg(n.door_id))
      from new_rows n join old_rows o on o.door_id = n.door_id where o.status <> n.status;
    end if;
    return null;
  end $$;
  create trigger guard after insert on scratch.door referencing new table as new_rows
    for each statement execute function scratch.guard_doors();
  create trigger guard_moves after update on scratch.door
    referencing old table as old_rows new table as new_rows
    for each statement execute function scratch.guard_doors()`;

describe.each([
  ['each row', perRow, ['system', 'system', 'system']],
  ['each statement, naming the actors of a batch', perStatement, ['usr_4', 'usr_5', 'system']],
])('the guard of a table, for %s', (_what, triggers, actorsOfBatch) => {
  let database: TestDb;
  let owner: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    database = await cloneDb();
    owner = await connect(database.url);
    await owner.query(`
      create schema scratch;
      create table scratch.door (event_id text, door_id text primary key, status text not null);
      ${triggers};
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

  it('says who acts for each row of a batch', async () => {
    await owner.query('begin');
    await owner.query(`set local fanfare.actors = '{"d4": "usr_4", "d5": "usr_5"}'`);
    await owner.query(
      `insert into scratch.door values ('evt_1', 'd4', 'shut'), ('evt_1', 'd5', 'shut'),
         ('evt_1', 'd6', 'shut')`,
    );
    await owner.query('commit');
    const actors = [await changes('d4'), await changes('d5'), await changes('d6')];
    expect(actors.map(([first]) => first.actor)).toEqual(actorsOfBatch);
  });

  it('refuses all of a statement for one bad row', async () => {
    const bad = `insert into scratch.door values ('evt_1', 'd7', 'shut'), ('evt_1', 'd8', 'open')`;
    await refused(bad).toThrow('illegal door transition');
    expect(await changes('d7')).toEqual([]);
  });

  it('stands before every state column that has a machine', async () => {
    const { rows } = await owner.query<{ machine: string }>(
      `select distinct split_part(encode(tgargs, 'escape'), '\\000', 1) as machine
       from pg_trigger where tgfoid = 'kernel.guard_state'::regproc and tgname <> 'guard'
       union all
       -- The others have a function of their own, which names the machine in its name.
       select distinct replace(regexp_replace(p.proname, '^guard_(moved_)?', ''), '_', '')
       from pg_trigger g join pg_proc p on p.oid = g.tgfoid
       where p.proname like 'guard\\_%' and g.tgname like '%\\_moved'`,
    );
    const guarded = rows.map((row) => row.machine.replace(/s$/, ''));
    // Or in what it looks up.
    const bodies = await owner.query<{ body: string }>(
      `select distinct p.prosrc as body from pg_trigger g join pg_proc p on p.oid = g.tgfoid
       where p.proname like 'guard\\_%'`,
    );
    const isNamed = (name: string) => bodies.rows.some(({ body }) => body.includes(`'${name}'`));
    const open = machines.filter(({ name }) => !guarded.includes(name) && !isNamed(name));
    expect(open.map(({ name }) => name)).toEqual([]);
  });
});
