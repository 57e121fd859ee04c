import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { newRootId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import type { Currency, Money } from '../../kernel/money.ts';
import { ok } from '../../kernel/result.ts';
import { createEventIn } from './create-event.ts';
import { selectImported } from './event.sql.ts';
import { type ImportedEvent, readEvents } from './import-rules.ts';

export type ImportOptions = {
  readonly organizerId: OrganizerId;
  readonly timezone: string | null;
  readonly currency: Currency;
  /** With both, each event gets one ticket type; else it has none yet. */
  readonly price: Money | null;
  readonly capacity: number | null;
  readonly publish: boolean;
  readonly dryRun: boolean;
};

export type ImportReport = {
  /** One line per item that needs a word: skipped, known, or taken with a note. */
  readonly lines: readonly string[];
  readonly taken: number;
  readonly known: number;
  readonly skipped: number;
  readonly refused: number;
};

/**
 * Imports a schema.org document: one transaction per event, so that one bad row costs nothing but
 * itself. Running it again takes only what is new, by identifier.
 */
export async function importEvents(
  ctx: Ctx,
  document: unknown,
  options: ImportOptions,
): Promise<ImportReport> {
  const rows = readEvents(document, { timezone: options.timezone });
  const identifiers = rows.flatMap((row) => (row.outcome === 'take' ? [row.identifier] : []));
  const stored = await all(ctx.db, selectImported(options.organizerId, identifiers));
  const known = new Set(stored.map((row) => row.externalId));
  const report = { taken: 0, known: 0, skipped: 0, refused: 0 };
  const lines: string[] = [];
  for (const row of rows) {
    const at = `row ${row.index + 1}`;
    if (row.outcome === 'skip') {
      report.skipped++;
      lines.push(`${at}: skipped (${row.code}): ${row.reason}`);
    } else if (known.has(row.identifier)) {
      report.known++;
    } else {
      const problem = options.dryRun ? null : await take(ctx, row.event, options);
      if (problem) {
        report.refused++;
        lines.push(`${at}: refused: ${problem}`);
      } else {
        report.taken++;
        for (const note of row.notes) lines.push(`${at}: taken, ${note}`);
      }
    }
  }
  return { lines, ...report };
}

/** Makes the event; answers what was wrong with it, or null. */
async function take(
  ctx: Ctx,
  event: ImportedEvent,
  options: ImportOptions,
): Promise<string | null> {
  const { price, capacity, currency } = options;
  const ticketTypes =
    price !== null && capacity !== null
      ? [{ name: 'General admission', price, capacity }]
      : undefined;
  const { externalId, ...input } = event;
  const made = await inTurn(ctx, newRootId(ctx.ids, 'evt'), async (tx) => {
    const result = await createEventIn(
      ctx,
      tx,
      options.organizerId,
      { ...input, currency, ticketTypes, publish: options.publish },
      { externalId },
    );
    return result.ok ? ok(null) : result;
  });
  if (made.ok) return null;
  const issues = made.refusal.issues?.map((issue) => `${issue.path} ${issue.message}`).join('; ');
  return issues ?? made.refusal.detail ?? made.refusal.code;
}
