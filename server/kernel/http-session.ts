/**
 * The cookie of a browser that has signed in. A browser sends it by itself, also where another
 * site's page asks; so what changes something has to come from a page of ours, or carry a header
 * that a foreign page cannot set without being asked first.
 */
import type { FastifyRequest } from 'fastify';

export const SESSION_COOKIE = 'fanfare_session';
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,200}$/;

/** The secret in the cookie; null where there is none. */
export function sessionOf(headers: { readonly cookie?: string | undefined }): string | null {
  for (const part of headers.cookie?.split(';') ?? []) {
    const at = part.indexOf('=');
    if (at < 0 || part.slice(0, at).trim() !== SESSION_COOKIE) continue;
    const value = part.slice(at + 1).trim();
    return VALUE.test(value) ? value : null;
  }
  return null;
}

/** Whether a page of another site may have made the browser ask for a change. */
export function isForeign(request: Pick<FastifyRequest, 'method' | 'headers'>): boolean {
  if (SAFE.has(request.method)) return false;
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin';
  if (origin !== undefined) return !URL.canParse(origin) || new URL(origin).host !== host;
  // Neither is there: no browser of today. A form cannot set this one.
  return request.headers['x-requested-with'] === undefined;
}

/** `Set-Cookie` of a session, or of its end where there is no secret. */
export function sessionCookie(options: {
  readonly secret: string | null;
  readonly maxAgeSeconds: number;
  readonly isSecure: boolean;
}): string {
  const { secret, maxAgeSeconds, isSecure } = options;
  const age = secret === null ? 0 : maxAgeSeconds;
  const parts = [`${SESSION_COOKIE}=${secret ?? ''}`, 'Path=/', `Max-Age=${age}`];
  return [...parts, 'HttpOnly', 'SameSite=Lax', ...(isSecure ? ['Secure'] : [])].join('; ');
}
