import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isId } from '../kernel/ids.ts';
import { parseStrictJson } from '../kernel/json.ts';
import { isCurrency, parsePrice } from '../kernel/money.ts';
import { isTimeZone } from '../kernel/time.ts';
import { type ImportReport, importEvents } from '../modules/catalog/index.ts';
import { ensureFirstAdmin, organizerExists } from '../modules/identity/index.ts';
import { type Command, UsageError } from './command.ts';
import { importVenueHelp, runImportVenue } from './import-venue.ts';
import { withParts } from './with-parts.ts';

const FILE_MAX_BYTES = 64 * 1024 * 1024;
const FILE_LIMITS = { maxDepth: 32, maxMembers: 5_000_000 };

const options = {
  timezone: { type: 'string' },
  price: { type: 'string' },
  currency: { type: 'string', default: 'EUR' },
  capacity: { type: 'string' },
  organizer: { type: 'string' },
  publish: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
} as const;

const help = `fanfare import events FILE [options]

Reads schema.org Event JSON-LD: an array, one object, or an @graph. Tells row by row what was
skipped and why. Running it twice changes nothing: events are known by their identifier.

  --timezone ZONE     where times without an offset are, like America/New_York
  --price AMOUNT      with --capacity: each event gets one ticket type, like 45.00
  --currency CODE     of the prices (default EUR)
  --capacity N        places of that ticket type
  --organizer ID      whose events (default: the first organizer)
  --publish           publish them; otherwise they are drafts
  --dry-run           tell what would happen, change nothing`;

export const runImport: Command = {
  usage: [
    ['import events FILE', 'take in a season of schema.org events'],
    ['import venue FILE', 'take in a floor plan: pretix, CSV, or our own'],
  ],
  help: `${help}\n\n${importVenueHelp}`,
  run: async (args, config) => {
    if (args[0] === 'venue') return runImportVenue(args.slice(1), config);
    const { values, positionals } = readArgs(args);
    const [what, file, ...rest] = positionals;
    if (what !== 'events' || file === undefined || rest.length > 0) {
      throw new UsageError('fanfare import events FILE or venue FILE; see fanfare import --help');
    }
    const wanted = check(values);
    const document = await readDocument(file);
    return withParts(config(), async ({ ctx }) => {
      const organizerId = wanted.organizerId ?? (await ensureFirstAdmin(ctx, null)).organizerId;
      if (!(await organizerExists(ctx.db, organizerId))) {
        throw new UsageError(`There is no organizer ${organizerId}.`);
      }
      const report = await importEvents(ctx, document, { ...wanted, organizerId });
      tell(report, wanted.dryRun);
      return report.refused > 0 ? 1 : 0;
    });
  },
};

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof readArgs>['values'];

function check(values: Values) {
  const { timezone, currency, price, capacity, organizer } = values;
  if (timezone !== undefined && !isTimeZone(timezone)) {
    throw new UsageError(`--timezone must be an IANA time zone, not "${timezone}"`);
  }
  if (!isCurrency(currency)) throw new UsageError(`--currency must be an ISO 4217 code`);
  const money = price === undefined ? null : parsePrice(price, currency);
  if (price !== undefined && money === null) {
    throw new UsageError(`--price must be an amount of ${currency}, like 45.00`);
  }
  const places = capacity === undefined ? null : Number(capacity);
  if (places !== null && !(Number.isInteger(places) && places >= 0 && places <= 1_000_000)) {
    throw new UsageError('--capacity must be a whole number up to 1,000,000');
  }
  if ((money === null) !== (places === null)) {
    throw new UsageError('--price and --capacity go together');
  }
  if (organizer !== undefined && !isId('org', organizer)) {
    throw new UsageError('--organizer must be an id, org_…');
  }
  return {
    timezone: timezone ?? null,
    currency,
    price: money,
    capacity: places,
    organizerId: organizer ?? null,
    publish: values.publish,
    dryRun: values['dry-run'],
  };
}

async function readDocument(file: string): Promise<unknown> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new UsageError(`There is no file ${file}.`);
  if (found.size > FILE_MAX_BYTES) throw new UsageError(`${file} is larger than 64 MiB.`);
  const parsed = parseStrictJson(await readFile(file, 'utf8'), FILE_LIMITS);
  if (!parsed.ok) throw new UsageError(`${file}: ${parsed.refusal.detail ?? parsed.refusal.code}`);
  return parsed.value;
}

function tell(report: ImportReport, dryRun: boolean): void {
  for (const line of report.lines) console.log(line);
  const verb = dryRun ? 'would be taken' : 'taken';
  console.log(
    `${report.taken} ${verb}, ${report.known} known, ${report.skipped} skipped, ` +
      `${report.refused} refused`,
  );
}
