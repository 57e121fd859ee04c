/**
 * One instance secret, made at the first start and kept in the database, so that every process
 * agrees on it. Everything that must be secret but need not be stored is derived from it: access
 * tokens, the keys under which people are counted, the sandbox's webhook secret.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Db, one, run } from './db.ts';
import { bytes, command, rows } from './sql.ts';

const SECRET_BYTES = 32;

export type Secrets = {
  /** HMAC-SHA-256 of `value`, with a key for each `purpose`; base64url, 43 characters. */
  readonly derive: (purpose: string, value: string) => string;
};

const insertSecret = (fresh: Buffer) => command`
  insert into kernel.instance (only_row, secret) values (true, ${fresh})
  on conflict (only_row) do nothing`;

const selectSecret = () => rows({ secret: bytes })`select secret from kernel.instance`;

/** Two statements: one would not see the row that another process is just writing. */
export async function loadSecrets(db: Db): Promise<Secrets> {
  await run(db, insertSecret(randomBytes(SECRET_BYTES)));
  const { secret } = await one(db, selectSecret());
  return secretsFrom(secret);
}

export function secretsFrom(secret: Buffer): Secrets {
  // Purposes are words of the code, a handful.
  const keys = new Map<string, Buffer>();
  const keyOf = (purpose: string): Buffer => {
    const known = keys.get(purpose);
    if (known) return known;
    const key = createHmac('sha256', secret).update(purpose).digest();
    keys.set(purpose, key);
    return key;
  };
  return {
    derive: (purpose, value) =>
      createHmac('sha256', keyOf(purpose)).update(value).digest('base64url'),
  };
}

/** Equality that takes the same time wherever the first difference lies. */
export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
