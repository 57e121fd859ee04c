import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataDirOf, knownDatabaseUrl } from '../database.ts';
import type { Config } from '../kernel/config.ts';
import { closeDb, type Db, openDb } from '../kernel/db.ts';
import { isId } from '../kernel/ids.ts';
import { formatStopFile, parseStopFile, STOP_FILE } from '../kernel/stop-file.ts';
import { ANSWER_MAX_MS, dropStop, type Stop, storeStop } from '../kernel/stops.ts';
import { type Command, UsageError } from './command.ts';

const options = { event: { type: 'string' }, organizer: { type: 'string' } } as const;

const both = `  --event evt_…         only this event
  --organizer org_…     only the events of this organizer`;

export const runStopSelling: Command = {
  usage: [['stop-selling', 'begin no sale any more, at once; the database may hang']],
  help: `fanfare stop-selling [--event evt_… | --organizer org_…]

No hold, booking or purchase begins any more; what was authorised is settled, refunds and reads go
on. Writes the file ${STOP_FILE} in DATA_DIR, which every Fanfare process that uses this folder reads
once a second, and then tells the database, for processes elsewhere, if it answers.

${both}`,
  run: async (args, config) => {
    const scope = scopeIn('stop-selling', args);
    const stop = { scope, since: new Date(), actor: 'file', reason: null };
    const settings = config();
    writeStops(settings, [...readStops(settings).filter((one) => one.scope !== scope), stop]);
    console.log(`Stopped: ${scope}. Processes on this machine see it within a second.`);
    await tellDatabase(settings, (db) => storeStop(db, { ...stop, actor: 'command' }));
    return 0;
  },
};

export const runResumeSelling: Command = {
  usage: [['resume-selling', 'let sales begin again']],
  help: `fanfare resume-selling [--event evt_… | --organizer org_…]

Lifts what stop-selling or PUT /api/v1/selling has stopped: everything, or with an option only that
one stop. A stop of everything is not lifted for one event alone.

${both}`,
  run: async (args, config) => {
    const scope = scopeIn('resume-selling', args);
    const settings = config();
    writeStops(
      settings,
      readStops(settings).filter((one) => one.scope !== scope),
    );
    console.log(`Not stopped by a file any more: ${scope}.`);
    return (await tellDatabase(settings, (db) => dropStop(db, scope))) ? 0 : 1;
  },
};

function scopeIn(name: string, args: readonly string[]): string {
  let values: { event?: string | undefined; organizer?: string | undefined };
  try {
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { event, organizer } = values;
  if (event !== undefined && organizer !== undefined) {
    throw new UsageError(`fanfare ${name} takes --event or --organizer, not both`);
  }
  if (event !== undefined && !isId('evt', event)) throw new UsageError('--event must be evt_…');
  if (organizer !== undefined && !isId('org', organizer)) {
    throw new UsageError('--organizer must be org_…');
  }
  return event ?? organizer ?? 'all';
}

const fileOf = (config: Config) => join(dataDirOf(config), STOP_FILE);

function readStops(config: Config): readonly Stop[] {
  const file = fileOf(config);
  return existsSync(file) ? parseStopFile(readFileSync(file, 'utf8')) : [];
}

/** In one step, so that nobody reads half a file. */
function writeStops(config: Config, stops: readonly Stop[]): void {
  const file = fileOf(config);
  if (stops.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(dataDirOf(config), { recursive: true });
  writeFileSync(`${file}.new`, formatStopFile(stops));
  renameSync(`${file}.new`, file);
}

async function tellDatabase(config: Config, tell: (db: Db) => Promise<void>): Promise<boolean> {
  const url = knownDatabaseUrl(config);
  if (url === null) return true;
  const db = openDb({
    url,
    role: 'fanfare_app',
    maxConnections: 1,
    name: 'stop-selling',
    answerMaxMs: ANSWER_MAX_MS,
  });
  try {
    await tell(db);
    console.log('The database knows: other machines see it within a second.');
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`The database does not (${reason}): say it on other machines too, or again.`);
    return false;
  } finally {
    await closeDb(db);
  }
}
