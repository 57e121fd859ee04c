/**
 * What still needs a document: each sale, and each return of value. A row of
 * `orders.undocumented` is written with it and goes with the document, which is given in a
 * transaction of its own: numbers without gaps are counted across the events of an organizer, and
 * no sale may wait for another event's.
 */
import { all, type Queryable, run, type Tx } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { selectOrderLines } from './order.sql.ts';
import {
  deleteUndocumented,
  type SourceKeys,
  selectCreditReturns,
  selectReturned,
  selectSales,
  selectStillUndocumented,
  selectUndocumented,
  type Undocumented,
} from './undocumented.sql.ts';

export type { Undocumented };

/** A slice of them, over all events, after one. */
export function undocumented(on: Queryable, after: Undocumented | null, most: number) {
  return all(on, selectUndocumented(after ? [after.eventId, after.sourceId] : null, most));
}

/** Those of `wanted` that still need one, and the sales that they went back of; oldest first. */
export async function stillUndocumented(
  tx: Tx,
  wanted: readonly Undocumented[],
): Promise<readonly Undocumented[]> {
  const keys = new Map<string, EventId>();
  for (const { eventId, sourceId, orderId } of wanted) {
    keys.set(sourceId, eventId).set(orderId, eventId);
  }
  return all(
    tx,
    selectStillUndocumented({ eventIds: [...keys.values()], sourceIds: [...keys.keys()] }),
  );
}

/** In the transaction of the documents. */
export async function documented(tx: Tx, sources: readonly Undocumented[]): Promise<void> {
  const keys: SourceKeys = {
    eventIds: sources.map(({ eventId }) => eventId),
    sourceIds: sources.map(({ sourceId }) => sourceId),
  };
  await run(tx, deleteUndocumented(keys));
}

type Row<S extends (...args: never[]) => { decode: (raw: never) => unknown }> = ReturnType<
  ReturnType<S>['decode']
>;

/** An order as its documents tell of it. */
export type Sale = Row<typeof selectSales> & {
  readonly lines: readonly Row<typeof selectOrderLines>[];
  readonly returned: readonly Row<typeof selectReturned>[];
  readonly credits: readonly Row<typeof selectCreditReturns>[];
};

/** By order. Lines are those of the sale; `returned` are tickets that went back since. */
export async function salesOf(
  on: Queryable,
  orders: readonly { readonly eventId: EventId; readonly orderId: OrderId }[],
): Promise<ReadonlyMap<OrderId, Sale>> {
  const eventOf = new Map(orders.map(({ eventId, orderId }) => [orderId, eventId]));
  const keys = { eventIds: [...eventOf.values()], orderIds: [...eventOf.keys()] };
  const sales = await all(on, selectSales(keys));
  const lines = await all(on, selectOrderLines(keys));
  const returned = await all(on, selectReturned(keys));
  const credits = await all(on, selectCreditReturns(keys));
  return new Map(
    sales.map((sale) => {
      const isOwn = (row: { readonly orderId: OrderId }) => row.orderId === sale.orderId;
      const own = { lines: lines.filter(isOwn), returned: returned.filter(isOwn) };
      return [sale.orderId, { ...sale, ...own, credits }];
    }),
  );
}
