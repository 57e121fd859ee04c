import type { Key } from '../../kernel/actor.ts';
import { maybe, type Queryable } from '../../kernel/db.ts';
import type { EndpointId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type EndpointRow, lockEndpoint, selectEndpoint } from './endpoint.sql.ts';

type Found = Result<EndpointRow, RefusalOf<'not_found'>>;

const isOf = (key: Key, { organizerId }: EndpointRow) =>
  key.platform || key.organizerId === organizerId;

/** The endpoint, for staff of its organizer. */
export async function findEndpoint(on: Queryable, key: Key, id: EndpointId): Promise<Found> {
  const found = await maybe(on, selectEndpoint(id));
  return found && isOf(key, found) ? ok(found) : refused('not_found');
}

/** The same, locked until this transaction ends. */
export async function findToChange(on: Queryable, key: Key, id: EndpointId): Promise<Found> {
  const found = await maybe(on, lockEndpoint(id));
  return found && isOf(key, found) ? ok(found) : refused('not_found');
}
