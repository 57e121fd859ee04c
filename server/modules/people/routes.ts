/** Signing in by a message that one has read, and out again. */
import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { sessionCookie } from '../../kernel/http-session.ts';
import { languageFor, languages } from '../../kernel/language.ts';
import { ok } from '../../kernel/result.ts';
import { bodyOf, type Route, type RouteInput, route } from '../../kernel/route.ts';
import { email, id, line, phone, timeOut } from '../../kernel/schemas.ts';
import { type Contact, closeSignInKey } from '../identity/index.ts';
import { askSignIn } from './ask-sign-in.ts';
import { SESSION_DAYS, verifySignIn } from './verify-sign-in.ts';

const DAY_SECONDS = 86_400;

type Named = { readonly email?: string | undefined; readonly phone?: string | undefined };

const oneOf = (named: Named) => (named.email === undefined) !== (named.phone === undefined);
const ONE_OF = { message: 'either an e-mail address or a phone number', path: ['email'] };

const contactOf = (named: Named): Contact =>
  named.email === undefined
    ? { channel: 'sms', address: named.phone ?? '' }
    : { channel: 'email', address: named.email };

const organizerId = id('org').optional().describe('Whose customer one is; default: the first');

const asked = z
  .object({ sent: z.literal(true), expiresInSeconds: z.int() })
  .meta({ id: 'SignInAsked' });

const signedIn = z
  .object({
    userId: z.string(),
    organizerId: z.string(),
    expiresAt: timeOut,
    token: z
      .string()
      .optional()
      .describe('The person’s key, for programs; a browser has it as a cookie. Shown once'),
  })
  .meta({ id: 'SignedIn' });

const signedOut = z.object({ signedOut: z.literal(true) }).meta({ id: 'SignedOut' });

/** Only behind https may a browser be told to keep it for https. */
export function cookieOf(ctx: Ctx, secret: string | null): string {
  const isSecure = ctx.config.BASE_URL?.startsWith('https://') ?? false;
  return sessionCookie({ secret, isSecure, maxAgeSeconds: SESSION_DAYS * DAY_SECONDS });
}

const callerOf = ({ request }: RouteInput<unknown, unknown, unknown>) => request.network;

export const peopleRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/sign-in',
    summary: 'Get a code by e-mail or text message',
    description:
      'The answer is the same whether anybody is known there. Mail has a link, too. Both work ' +
      'once, for ten minutes, and a newer code ends the one before. Signed in already, one adds ' +
      'an address or a number to what is one’s own. Five an hour for an address; who is signed ' +
      'in gets ten texts a day.',
    tag: 'Access',
    access: { kind: 'public' },
    body: z
      .strictObject({
        email: email.optional(),
        phone: phone.optional(),
        organizerId,
        language: z.enum(languages).optional().describe('Default: what the browser asks for'),
      })
      .refine(oneOf, ONE_OF)
      .meta({ id: 'SignInInput' }),
    success: { status: 202, schema: asked, description: 'If it can be sent, it will be' },
    refusals: {
      unknown_organizer: { status: 422, title: 'There is no such organizer' },
      sign_in_too_often: {
        status: 429,
        title: 'Too many codes for this address, for you, or asked from here',
        retryAfterSeconds: 900,
      },
    },
    example: { body: { email: 'ada@example.org' } },
    handle: async (ctx, input) => {
      const { actor, body, request } = input;
      return bodyOf(
        askSignIn(ctx, actor, {
          contact: contactOf(body),
          organizerId: body.organizerId ?? null,
          language: languageFor(actor, body.language, request.headers['accept-language']),
          caller: callerOf(input),
        }),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/sign-in/verify',
    summary: 'Sign in with a code, or the token of a link',
    description:
      'Sets the cookie `fanfare_session` (HttpOnly, SameSite=Lax), and answers its secret as a ' +
      'token. An address that nobody had makes a new person. Five tries for a code. With the ' +
      'cookie, what changes something has to come from a page of this site, or carry the header ' +
      '`X-Requested-With`.',
    tag: 'Access',
    access: { kind: 'public' },
    body: z
      .strictObject({
        token: z.string().max(200).optional(),
        email: email.optional(),
        phone: phone.optional(),
        code: z
          .string()
          .max(20)
          .transform((code) => code.replace(/\s/g, ''))
          .optional()
          .meta({ type: 'string', maxLength: 20 }),
        organizerId,
        name: line(200).optional().describe('Of a new person'),
      })
      .refine(
        (given) =>
          given.token === undefined
            ? oneOf(given) && given.code !== undefined
            : given.code === undefined && given.email === undefined && given.phone === undefined,
        { message: 'either a token, or an address and its code', path: ['token'] },
      )
      .meta({ id: 'SignInProof' }),
    success: { status: 200, schema: signedIn, description: 'Signed in' },
    refusals: {
      code_wrong: { status: 401, title: 'The code or the link does not count, or not any more' },
      contact_taken: { status: 409, title: 'It is somebody else’s' },
    },
    example: { body: { email: 'ada@example.org', code: '042137' } },
    handle: async (ctx, { actor, body }) => {
      const { token, code = '', name = null } = body;
      const proof =
        token === undefined
          ? {
              ...{ kind: 'code' as const, code, contact: contactOf(body) },
              organizerId: body.organizerId ?? null,
            }
          : { kind: 'token' as const, token };
      const done = await verifySignIn(ctx, actor, proof, name);
      if (!done.ok) return done;
      const { token: secret } = done.value;
      return ok({
        body: done.value,
        ...(secret ? { headers: { 'set-cookie': cookieOf(ctx, secret) } } : {}),
      });
    },
  }),
  route({
    method: 'POST',
    path: '/sign-out',
    summary: 'End a session',
    description: 'Ends the key that signing in gave, and the cookie; other keys stay.',
    tag: 'Access',
    access: { kind: 'public' },
    success: { status: 200, schema: signedOut, description: 'Signed out' },
    refusals: {},
    handle: async (ctx, { actor }) => {
      const done = await closeSignInKey(ctx, actor.kind === 'key' ? actor.keyId : null);
      if (!done.ok) return done;
      return ok({ body: done.value, headers: { 'set-cookie': cookieOf(ctx, null) } });
    },
  }),
];
