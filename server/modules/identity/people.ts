import type { Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, inTx, maybe, type Queryable, sqlStateOf } from '../../kernel/db.ts';
import { newRootId, type OrganizerId, type UserId } from '../../kernel/ids.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { sameMailbox } from '../../kernel/schemas.ts';
import { hasProved } from './contacts.ts';
import { insertPerson, selectPeople, selectPerson, updatePerson } from './person.sql.ts';

const UNIQUE_VIOLATION = '23505';

type Row = { userId: UserId; organizerId: OrganizerId; name: string; email: string; madeAt: Date };
export type PersonInput = { readonly name: string; readonly email: string };

const view = (row: Row) => ({
  id: row.userId,
  organizerId: row.organizerId,
  name: row.name,
  email: row.email,
  createdAt: row.madeAt.toISOString(),
});

/** Refusal `email_taken`: the organizer knows a person with this mailbox already. */
export function createPerson(
  ctx: Ctx,
  staff: Key,
  input: PersonInput,
): Promise<Result<ReturnType<typeof view>, RefusalOf<'email_taken' | 'busy'>>> {
  return inTx(ctx, async (tx) => {
    const row = await maybe(
      tx,
      insertPerson({
        userId: newRootId(ctx.ids, 'usr'),
        organizerId: staff.organizerId,
        ...input,
        mailbox: sameMailbox(input.email),
      }),
    );
    return row ? ok(view(row)) : refused('email_taken');
  });
}

/** A person sees themselves; staff with `users:read` sees the people of their organizer. */
export async function readPerson(
  ctx: Ctx,
  key: Key,
  userId: UserId,
): Promise<Result<ReturnType<typeof view>, RefusalOf<'not_found'>>> {
  const row = await visiblePerson(ctx.db, key, userId, 'users:read');
  return row ? ok(view(row)) : refused('not_found');
}

/**
 * Refusal `email_not_proved`: to everybody but staff an address is theirs when they have signed in
 * with it; before that they are not told either whether anybody has it.
 */
export async function replacePerson(
  ctx: Ctx,
  key: Key,
  userId: UserId,
  input: PersonInput,
): Promise<
  Result<
    ReturnType<typeof view>,
    RefusalOf<'not_found' | 'email_not_proved' | 'email_taken' | 'busy'>
  >
> {
  const mailbox = sameMailbox(input.email);
  try {
    return await inTx(ctx, async (tx) => {
      const person = await visiblePerson(tx, key, userId, 'users:write');
      if (!person) return refused('not_found');
      const isAsBefore = sameMailbox(person.email) === mailbox;
      if (!isAsBefore && !key.scopes.has('users:write')) {
        const contact = { channel: 'email', address: input.email } as const;
        if (!(await hasProved(tx, person, contact))) return refused('email_not_proved');
      }
      const found = { mailbox: isAsBefore ? person.mailbox : mailbox };
      const row = await maybe(tx, updatePerson({ userId, ...input, ...found }));
      return row ? ok(view(row)) : refused('email_taken');
    });
  } catch (error) {
    // Two took one address at the same moment: what the statement could not see, the table did.
    if (sqlStateOf(error) === UNIQUE_VIOLATION) return refused('email_taken');
    throw error;
  }
}

async function visiblePerson(on: Queryable, key: Key, userId: UserId, scope: string) {
  if (key.userId !== userId && !key.scopes.has(scope)) return null;
  return maybe(on, selectPerson(userId, key.platform ? null : key.organizerId));
}

export async function listPeople(
  ctx: Ctx,
  staff: Key,
  query: { limit: number; cursor?: string | undefined; email?: string | undefined },
) {
  const cursor = readCursor(ctx.secrets, 'users', query.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const organizerId = staff.platform ? null : staff.organizerId;
  const mailbox = query.email === undefined ? null : sameMailbox(query.email);
  const found = await all(ctx.db, selectPeople(organizerId, mailbox, after, query.limit + 1));
  return ok(toPage(ctx.secrets, 'users', found, query.limit, { view, key: (row) => [row.userId] }));
}
