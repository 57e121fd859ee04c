/**
 * One instance secret, made at the first start and kept in the database, so that every process
 * agrees on it. Everything that must be secret but need not be stored is derived from it: access
 * tokens, the keys under which people are counted, the sandbox's webhook secret.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Db, one } from './db.ts';
import { bytes, rows } from './sql.ts';

export type Secrets = {
  /** HMAC-SHA-256 of `value` under a key of its own for each `purpose`; base64url, 43 characters. */
  readonly derive: (purpose: string, value: string) => string;
};

const insertOrReadSecret = (fresh: Buffer) => rows({ secret: bytes })`
  with made as (
    insert into kernel.instance (only_row, secret) values (true, ${fresh})
    on conflict (only_row) do nothing
    returning secret
  )
  select secret from made union all select secret from kernel.instance limit 1`;

export async function loadSecrets(db: Db): Promise<Secrets> {
  const { secret } = await one(db, insertOrReadSecret(randomBytes(32)));
  return secretsFrom(secret);
}

export function secretsFrom(secret: Buffer): Secrets {
  return {
    derive: (purpose, value) => {
      const key = createHmac('sha256', secret).update(purpose).digest();
      return createHmac('sha256', key).update(value).digest('base64url');
    },
  };
}

/** Equality that takes the same time wherever the first difference lies. */
export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
