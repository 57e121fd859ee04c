/** Who calls: the secret key opens everything, the publishable key what a browser may do. */
import { ok, type Result } from '../../kernel/result.ts';
import { sameSecret } from '../../kernel/secrets.ts';
import type { ApiError, World } from '../world.ts';
import { noKey, wrongKey } from './errors.ts';
import type { Form } from './form.ts';

/** From `Authorization: Bearer …` or `Basic …` (key as the user name), else the field `key`. */
export function accessOf(
  world: World,
  authorization: string | undefined,
  form: Form,
): Result<'secret' | 'publishable', ApiError> {
  const inBody = form['key'];
  const key = keyIn(authorization) ?? (typeof inBody === 'string' ? inBody : null);
  if (key === null || key === '') return noKey;
  if (sameSecret(key, world.secretKey)) return ok('secret');
  if (sameSecret(key, world.publishableKey)) return ok('publishable');
  return wrongKey(key);
}

function keyIn(authorization: string | undefined): string | null {
  const [scheme = '', credentials = ''] = (authorization ?? '').split(' ');
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return null;
  const [user = ''] = Buffer.from(credentials, 'base64').toString('utf8').split(':');
  return user;
}
