/** The command line: import, audit, config, migrate; exit codes and what is said. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../server/cli/main.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';

let database: TestDb;
let folder: string;
beforeAll(async () => {
  database = await cloneDb();
  folder = mkdtempSync(join(tmpdir(), 'fanfare-import-'));
  vi.stubEnv('DATABASE_URL', database.url);
  // Vite has a variable of the same name.
  vi.stubEnv('BASE_URL', '');
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  await database.close();
});

async function fanfare(...args: string[]) {
  const said: string[] = [];
  const keep = (...words: unknown[]) => void said.push(words.join(' '));
  vi.spyOn(console, 'log').mockImplementation(keep);
  vi.spyOn(console, 'error').mockImplementation(keep);
  const code = await main(args);
  return { code, said: said.join('\n') };
}

const write = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

const concert = (identifier: string, more: object = {}) => ({
  '@type': 'MusicEvent',
  identifier,
  name: `Concert ${identifier}`,
  startDate: '2027-03-01T19:30:00',
  location: { '@type': 'Place', name: 'Hall' },
  ...more,
});

describe('fanfare import events', () => {
  it('takes what it can, says why not, and changes nothing the second time', async () => {
    const file = write('season.json', {
      '@graph': [
        concert('1'),
        concert('2', { startDate: '2027-03-02' }),
        concert('1'),
        concert('3', { startDate: '2027-03-28T02:30:00' }),
      ],
    });
    const args = ['import', 'events', file, '--timezone', 'Europe/Berlin'];
    const priced = [...args, '--price', '45.00', '--capacity', '120', '--publish'];
    const dry = await fanfare(...priced, '--dry-run');
    expect(dry.said).toContain('1 would be taken, 0 known, 3 skipped, 0 refused');
    const first = await fanfare(...priced);
    expect(first.code).toBe(0);
    expect(first.said).toContain('row 2: skipped (no_start_time)');
    expect(first.said).toContain('row 3: skipped (duplicate_identifier)');
    expect(first.said).toContain('row 4: skipped (start_in_dst_gap)');
    expect(first.said).toContain('1 taken, 0 known, 3 skipped, 0 refused');
    const second = await fanfare(...priced);
    expect(second.said).toContain('0 taken, 1 known, 3 skipped, 0 refused');
    const { rows } = await database.open(null).pool.query(
      `select e.status, e.starts_at, t.price_minor, p.capacity from catalog.event e
       join inventory.ticket_type t using (event_id) join inventory.pool p using (event_id)`,
    );
    expect(rows).toEqual([
      {
        status: 'published',
        starts_at: new Date('2027-03-01T18:30:00Z'),
        price_minor: 4_500,
        capacity: 120,
      },
    ]);
    expect((await fanfare('audit')).said).toContain('Nothing is violated.');
  });

  it.each([
    [['import', 'venues', 'x'], 'fanfare import events FILE'],
    [['import', 'events', '/no/such/file'], 'There is no file'],
    [['import', 'events', 'FILE', '--timezone', 'Berlin'], 'IANA time zone'],
    [['import', 'events', 'FILE', '--price', '45,00', '--capacity', '1'], '--price must be'],
    [['import', 'events', 'FILE', '--price', '45.00'], 'go together'],
    [['import', 'events', 'FILE', '--colour', 'red'], 'Unknown option'],
    [['audit', 'everything'], 'takes no arguments'],
    [['sing'], 'There is no command'],
  ])('says what is wrong with %j and exits with 2', async (args, words) => {
    const file = write('one.json', [concert('9')]);
    const { code, said } = await fanfare(...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect(said).toContain(words);
    expect(code).toBe(2);
  });

  it('refuses a file that is no JSON, whole', async () => {
    const { code, said } = await fanfare('import', 'events', write('bad.json', '[{"a": 1,}]'));
    expect(code).toBe(2);
    expect(said).toContain('not JSON');
  });
});

describe('fanfare import venue', () => {
  const csv = 'section;row;seat\nStalls;A;1\nStalls;A;2\n';

  it('takes a table as a new venue, and the next one as its next version', async () => {
    const file = write('Chamber hall.csv', csv);
    const place = ['--venue-name', 'Halle Nord', '--timezone', 'Europe/Berlin'];
    const first = await fanfare('import', 'venue', file, ...place);
    expect(first.said).toContain('warning: line 1: seats without a category');
    expect(first.said).toMatch(/^Chamber hall, version 1 of venue ven_\w+: 2 seats/m);
    expect(first.code).toBe(0);
    const venueId = /ven_\w+/.exec(first.said)?.[0] ?? '';
    const again = await fanfare('import', 'venue', file, '--venue', venueId);
    expect(again.said).toMatch(/^Chamber hall, version 2 /m);
  });

  it('takes nothing of what has an error, and says where it is', async () => {
    const file = write('twice.csv', `${csv}Stalls;A;2\n`);
    const place = ['--venue-name', 'Halle', '--timezone', 'UTC'];
    const { code, said } = await fanfare('import', 'venue', file, ...place);
    expect(code).toBe(1);
    expect(said).toContain('Nothing was taken: plan not readable.');
    expect(said).toContain('error: line 4: is the seat of line 3');
  });

  it.each([
    [['FILE'], 'either --venue or --venue-name is needed'],
    [['FILE', '--venue-name', 'Hall'], '--timezone must be'],
    [['FILE', '--venue', 'hall'], '--venue must be an id'],
    [['/no/such/file', '--venue-name', 'Hall', '--timezone', 'UTC'], 'There is no file'],
    [[], 'fanfare import venue FILE'],
  ])('says what is wrong with %j and exits with 2', async (args, words) => {
    const file = write('one.csv', csv);
    const given = args.map((arg) => (arg === 'FILE' ? file : arg));
    const { code, said } = await fanfare('import', 'venue', ...given);
    expect(said).toContain(words);
    expect(code).toBe(2);
  });
});

describe('other commands', () => {
  it('audit exits with 1 and names what is violated', async () => {
    const pool = database.open(null).pool;
    await pool.query('update inventory.pool set held = 1');
    const { code, said } = await fanfare('audit');
    expect(code).toBe(1);
    expect(said).toMatch(/G2 +1 +Counters equal/);
    await pool.query('update inventory.pool set held = 0');
  });

  it('config shows what is in force and hides secrets', async () => {
    vi.stubEnv('BOOTSTRAP_API_KEY', 'fk_a_secret_that_nobody_may_read');
    const { code, said } = await fanfare('config');
    expect(code).toBe(0);
    expect(said).toMatch(/BOOTSTRAP_API_KEY +\(set, hidden\)/);
    expect(said).not.toContain('nobody_may_read');
    vi.stubEnv('PORT', 'many');
    const wrong = await fanfare('config');
    expect(wrong.code).toBe(1);
    expect(wrong.said).toContain('PORT');
    vi.stubEnv('PORT', '3000');
  });

  it('migrate changes nothing on a database of this version', async () => {
    expect((await fanfare('migrate')).said).toContain('Up to date.');
  });

  it('tells how it is used', async () => {
    expect(await fanfare('--help')).toMatchObject({
      code: 0,
      said: expect.stringContaining('import events FILE'),
    });
    expect((await fanfare()).code).toBe(2);
    expect((await fanfare('import', '--help')).said).toContain('--dry-run');
  });
});
