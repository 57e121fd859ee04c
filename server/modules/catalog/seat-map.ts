/** The seat map of an event, packed once for each floor plan and choice of sections. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Ctx } from '../../kernel/context.ts';
import { cachePerOwner } from '../../kernel/fresh-cache.ts';
import { drawSeatMap, readPlan } from '../venues/index.ts';
import type { EventRow } from './event.sql.ts';

const packGzip = promisify(gzip);
const packBrotli = promisify(brotliCompress);
/** A stadium packs in a tenth of a second; more would save a twentieth and take seconds. */
const BROTLI_QUALITY = 6;
const MAPS_KEPT_MAX = 32;

export type ShownSeatMap = {
  readonly seats: number;
  readonly etag: string;
  readonly plain: Buffer;
  readonly br: Buffer;
  readonly gzip: Buffer;
};

/** A plan never changes: only room in memory ends a map's stay. */
const maps = cachePerOwner<string, ShownSeatMap>({
  staleMaxMs: Number.POSITIVE_INFINITY,
  entriesMax: MAPS_KEPT_MAX,
});

/** Null for an event without a floor plan. */
export async function showSeatMap(ctx: Ctx, event: EventRow): Promise<ShownSeatMap | null> {
  const { configurationId } = event;
  if (configurationId === null) return null;
  const choices = event.sectionChoices;
  const name = JSON.stringify([configurationId, Object.entries(choices).sort()]);
  return maps(ctx.lanes).read(name, async () => {
    const { seats, text } = drawSeatMap(await readPlan(ctx, configurationId), choices);
    const plain = Buffer.from(text);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    };
    const [br, zipped] = await Promise.all([packBrotli(plain, { params }), packGzip(plain)]);
    const etag = `"${createHash('sha1').update(plain).digest('base64url')}"`;
    return { seats, etag, plain, br, gzip: zipped };
  });
}

export type Coding = 'br' | 'gzip' | null;

/** The best that the client takes (RFC 9110, 12.5.3), of what is at hand. */
export function codingFor(accepted: string | undefined): Coding {
  const weights = new Map(
    (accepted ?? '').split(',').map((part) => {
      const [name = '', ...rest] = part.split(';').map((one) => one.trim().toLowerCase());
      const weight = rest.find((one) => one.startsWith('q='))?.slice(2) ?? '1';
      return [name, Number(weight)] as const;
    }),
  );
  for (const coding of ['br', 'gzip'] as const) {
    if ((weights.get(coding) ?? weights.get('*') ?? 0) > 0) return coding;
  }
  return null;
}
