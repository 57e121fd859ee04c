import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Key } from '../kernel/actor.ts';
import type { Config } from '../kernel/config.ts';
import type { Ctx } from '../kernel/context.ts';
import { isId } from '../kernel/ids.ts';
import { parseStrictJson } from '../kernel/json.ts';
import type { Refusal } from '../kernel/result.ts';
import { isTimeZone, parseInstant } from '../kernel/time.ts';
import { ensureFirstAdmin, organizerExists } from '../modules/identity/index.ts';
import {
  addConfiguration,
  createVenue,
  readPlanFile,
  type VenueId,
} from '../modules/venues/index.ts';
import { UsageError } from './command.ts';
import { withParts } from './with-parts.ts';

const FILE_MAX_BYTES = 48 * 1024 * 1024;
const FILE_LIMITS = { maxDepth: 32, maxMembers: 5_000_000 };

const options = {
  venue: { type: 'string' },
  'venue-name': { type: 'string' },
  timezone: { type: 'string' },
  name: { type: 'string' },
  'valid-from': { type: 'string' },
  organizer: { type: 'string' },
  draft: { type: 'boolean', default: false },
} as const;

export const importVenueHelp = `fanfare import venue FILE [options]

Reads a floor plan: a seating plan of pretix or a plan of our own (.json), or a table of seats
(.csv: section,row,seat[,category,x,y]). It is taken whole or not at all; what is wrong or odd is
listed with its place. A plan of the same name becomes its next version.

  --venue ID          to which venue, or
  --venue-name NAME   a new one, with
  --timezone ZONE     where it is, like Europe/Berlin
  --name NAME         of the floor plan (default: the file's)
  --valid-from TIME   from when on the building looks like this (default: now)
  --organizer ID      whose venue (default: the first organizer)
  --draft             keep it as a draft, also with errors`;

export async function runImportVenue(
  args: readonly string[],
  config: () => Config,
): Promise<number> {
  const { values, file } = readArgs(args);
  const wanted = check(values, file);
  const bytes = await readBytes(file);
  return withParts(config(), async ({ ctx }) => {
    const organizerId = wanted.organizerId ?? (await ensureFirstAdmin(ctx, null)).organizerId;
    if (!(await organizerExists(ctx.db, organizerId))) {
      throw new UsageError(`There is no organizer ${organizerId}.`);
    }
    const found = readPlanFile(documentOf(file, bytes));
    if (!found.ok) return tellRefusal(found.refusal);
    const staff = operator(organizerId);
    const venueId = wanted.venueId ?? (await makeVenue(ctx, staff, wanted));
    const { plan, findings } = found.value;
    const saved = await addConfiguration(ctx, staff, venueId, wanted, plan, findings);
    if (!saved.ok) return tellRefusal(saved.refusal);
    const { name, version, seats, capacity, id } = saved.value;
    for (const { severity, path, message } of saved.value.findings) {
      console.log(`${severity}: ${path}: ${message}`);
    }
    console.log(
      `${name}, version ${version} of venue ${venueId}: ` +
        `${seats} seats, at most ${capacity} people (${id})`,
    );
    return 0;
  });
}

type Wanted = ReturnType<typeof check>;

/** Whoever may run commands on this machine may describe its venues. */
function operator(organizerId: Key['organizerId']): Key {
  return {
    ...{ kind: 'key', keyId: 'command-line', role: 'venue_manager', organizerId },
    ...{ platform: false, userId: null, scopes: new Set(['venues:read', 'venues:write']) },
  };
}

async function makeVenue(ctx: Ctx, staff: Key, { venueName, timezone }: Wanted) {
  const made = await createVenue(ctx, staff, { name: venueName, timezone });
  if (!made.ok) throw new Error('the database is busy');
  // The id that it has just been given.
  return made.value.id as VenueId;
}

function readArgs(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0) {
      throw new UsageError('fanfare import venue FILE; see fanfare import --help');
    }
    return { values, file };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function check(values: ReturnType<typeof readArgs>['values'], file: string) {
  const { venue, timezone, organizer } = values;
  if (venue !== undefined && !isId('ven', venue)) {
    throw new UsageError('--venue must be an id, ven_…');
  }
  if ((venue === undefined) === (values['venue-name'] === undefined)) {
    throw new UsageError('either --venue or --venue-name is needed');
  }
  if (venue === undefined && (timezone === undefined || !isTimeZone(timezone))) {
    throw new UsageError('--timezone must be an IANA time zone, like Europe/Berlin');
  }
  if (organizer !== undefined && !isId('org', organizer)) {
    throw new UsageError('--organizer must be an id, org_…');
  }
  const from = values['valid-from'];
  const validFrom = from === undefined ? undefined : parseInstant(from);
  if (validFrom === null) {
    throw new UsageError('--valid-from must be a time with an offset, like 2027-05-01T00:00:00Z');
  }
  return {
    venueId: venue ?? null,
    venueName: values['venue-name'] ?? '',
    timezone: timezone ?? 'UTC',
    name: values.name ?? basename(file, extname(file)),
    ...{ validFrom, validTo: null, draft: values.draft },
    organizerId: organizer ?? null,
  };
}

async function readBytes(file: string): Promise<Buffer> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new UsageError(`There is no file ${file}.`);
  if (found.size > FILE_MAX_BYTES) throw new UsageError(`${file} is larger than 48 MiB.`);
  return readFile(file);
}

/** The bytes of a table, the value of a JSON document. */
function documentOf(file: string, bytes: Buffer): unknown {
  if (extname(file).toLowerCase() !== '.json') return bytes;
  const parsed = parseStrictJson(bytes.toString('utf8'), FILE_LIMITS);
  if (!parsed.ok) throw new UsageError(`${file}: ${parsed.refusal.detail ?? parsed.refusal.code}`);
  return parsed.value;
}

function tellRefusal({ code, detail, issues = [] }: Refusal): number {
  for (const { path, message } of issues) console.log(`error: ${path}: ${message}`);
  console.log(`Nothing was taken: ${detail ?? code.replaceAll('_', ' ')}.`);
  return 1;
}
