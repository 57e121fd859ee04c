import { parseArgs } from 'node:util';
import { readNow } from '../kernel/now.ts';
import { BooksUnread, tieOut } from '../modules/payments/index.ts';
import { type Command, UsageError } from './command.ts';
import { withParts } from './with-parts.ts';

const DAY_MS = 86_400_000;
const options = { day: { type: 'string' } } as const;

export const runTieOut: Command = {
  usage: [['tie-out', 'hold the books of a day against the provider’s']],
  help: `fanfare tie-out [--day D]

Compares the ledger with the payment provider's own books, account by account and object by object,
and keeps the result (GET /api/v1/organizers/{id}/tie-outs). The server does it by itself once a
day. Exits with 1 where the two differ. With the sandbox a server has to run, at HOST and PORT.

  --day D     the day in UTC, like 2027-05-01; yesterday unless said`,
  run: async (args, config) => {
    const asked = readDay(args);
    const settings = config();
    return withParts(settings, async ({ ctx, listening }) => {
      // With the sandbox, its books are with the server that HOST and PORT name.
      await listening({ host: settings.HOST, port: settings.PORT });
      const now = await readNow(ctx.db, ctx.clock);
      const day = asked ?? new Date(now.getTime() - DAY_MS).toISOString().slice(0, 10);
      const found = await tieOut(ctx, day).catch((error: unknown) => {
        if (error instanceof BooksUnread) return error;
        throw error;
      });
      if (found instanceof BooksUnread) {
        console.error(found.message);
        return 1;
      }
      for (const row of found) {
        const account = row.account || 'the installation’s own account';
        const minor = `${row.differenceMinor} ${row.currency} apart`;
        console.log(`${row.outcome.padEnd(8)} ${row.organizerId} ${account}: ${minor}`);
        console.log(`         ${row.matched} matched, ${row.unmatched} not`);
      }
      const differ = found.filter(({ outcome }) => outcome === 'differs').length;
      console.log(differ === 0 ? `${day}: nothing differs.` : `${day}: ${differ} differ.`);
      return differ === 0 ? 0 : 1;
    });
  },
};

function readDay(args: readonly string[]): string | null {
  const { values } = parse(args);
  if (values.day === undefined) return null;
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(values.day) && !Number.isNaN(Date.parse(values.day));
  if (!isDay) throw new UsageError('--day must be a day like 2027-05-01');
  return values.day;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
