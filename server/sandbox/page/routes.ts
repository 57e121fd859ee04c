/**
 * The hosted payment page: `/sandbox/pay/pi_…?client_secret=…[&return_url=…]` for a PaymentIntent,
 * `/sandbox/pay/cs_test_…` for a Checkout Session (its id is the secret). Forms post back and are
 * answered by a redirect, so a reload pays nothing twice. A link leads back only to where a holder
 * of the secret key said, or to a page of this site.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { inTx, type Tx } from '../../kernel/db.ts';
import { ok } from '../../kernel/result.ts';
import { sameSecret } from '../../kernel/secrets.ts';
import { type Form, parseForm } from '../api/form.ts';
import { baseUrlOf } from '../api/serve.ts';
import { attach, attempt, finishAuthentication } from '../payments/charging.ts';
import { authenticateSession, isOpen, paySession } from '../payments/checkout.ts';
import { allowedIn } from '../payments/intent-states.ts';
import { find, findAnyones, lock, type StoredObject } from '../store.ts';
import { recordHappenings } from '../webhooks/events.ts';
import { type Call, scopeOf, type World } from '../world.ts';
import { type PageView, renderPage } from './html.ts';
import { css } from './style.ts';
import { cardOf, intentView, messageView, type Shown, sessionView } from './view.ts';

const PATH = '/sandbox/pay';

export function registerPage(world: World, app: FastifyInstance): void {
  app.get(`${PATH}/page.css`, async (_request, reply) => {
    return reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=300').send(css);
  });
  app.get(`${PATH}/:id`, async (request, reply) => {
    const id = idOf(request);
    const asked = readAsked(request.url.split('?').slice(1).join('?'));
    const result = await inTx(scopeOf(world), async (tx) =>
      ok(await show(world, tx, request, id, asked)),
    );
    if (!result.ok) return sendPage(reply, 503, messageView('Busy', 'Try again in a moment.'));
    const view = result.value;
    return view ? sendPage(reply, 200, view) : sendPage(reply, 404, notFound);
  });
  app.post(`${PATH}/:id`, async (request, reply) => {
    const id = idOf(request);
    const asked = readAsked(typeof request.body === 'string' ? request.body : '');
    const result = await inTx(scopeOf(world), async (tx) =>
      ok(await act(world, tx, request, id, asked)),
    );
    if (!result.ok) return sendPage(reply, 503, messageView('Busy', 'Try again in a moment.'));
    if (!result.value) return sendPage(reply, 404, notFound);
    world.wake();
    return reply.redirect(`${PATH}/${id}${queryOf(asked)}`, 303);
  });
}

const notFound = messageView('Not found', 'There is no payment at this address.');

type Asked = {
  readonly action: string;
  readonly clientSecret: string;
  readonly returnUrl: string;
  readonly left: boolean;
};

/** Without null characters, which no id has and PostgreSQL does not store. */
function idOf(request: FastifyRequest): string {
  // Both routes have this parameter.
  return (request.params as { readonly id: string }).id.replaceAll('\0', '');
}

function readAsked(text: string): Asked {
  const form = parseForm(text);
  const given: Form = form.ok ? form.value : {};
  const field = (name: string) => {
    const value = given[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    action: field('action'),
    clientSecret: field('client_secret'),
    returnUrl: field('return_url'),
    left: field('left') === '1',
  };
}

function queryOf(asked: Asked): string {
  const query = new URLSearchParams();
  if (asked.clientSecret !== '') query.set('client_secret', asked.clientSecret);
  if (asked.returnUrl !== '') query.set('return_url', asked.returnUrl);
  if (asked.action === 'leave') query.set('left', '1');
  return query.size === 0 ? '' : `?${query}`;
}

/** null: there is no such payment, or the secret is not its own. */
async function show(
  world: World,
  tx: Tx,
  request: FastifyRequest,
  id: string,
  asked: Asked,
): Promise<PageView | null> {
  const base = baseUrlOf(world, request);
  const session = await sessionOf(tx, id, asked);
  if (session) {
    const { data, hidden, owner } = session;
    const intent = data.payment_intent
      ? await find({ tx, owner }, 'payment_intent', data.payment_intent)
      : null;
    const open = isOpen({ world }, data);
    return sessionView(data, open, intent?.data ?? null, hidden.lines ?? [], {
      left: asked.left,
      fields: asked.clientSecret === '' ? {} : { client_secret: asked.clientSecret },
      paidHref: safeHref(data.success_url.replaceAll('{CHECKOUT_SESSION_ID}', data.id), base, true),
      unpaidHref: safeHref(data.cancel_url, base, true),
    });
  }
  const intent = await findAnyones(tx, 'payment_intent', id);
  if (!intent || !sameSecret(asked.clientSecret, intent.data.client_secret)) return null;
  return intentView(intent.data, intentLinks(intent, asked, base));
}

function intentLinks(intent: StoredObject<'payment_intent'>, asked: Asked, base: string): Shown {
  const href =
    safeHref(asked.returnUrl, base, false) ?? safeHref(intent.hidden.returnUrl ?? '', base, true);
  const fields: Record<string, string> = { client_secret: asked.clientSecret };
  if (asked.returnUrl !== '') fields['return_url'] = asked.returnUrl;
  return {
    left: asked.left,
    fields,
    paidHref: withOutcome(href, intent, 'succeeded'),
    unpaidHref: withOutcome(href, intent, 'failed'),
  };
}

/** What Stripe appends to a return_url. */
function withOutcome(
  href: string | null,
  intent: StoredObject<'payment_intent'>,
  outcome: string,
): string | null {
  if (href === null) return null;
  const url = new URL(href);
  url.searchParams.set('payment_intent', intent.data.id);
  url.searchParams.set('payment_intent_client_secret', intent.data.client_secret);
  url.searchParams.set('redirect_status', outcome);
  return url.href;
}

/** An address that may stand in a link: http(s), and of this site unless it is trusted. */
export function safeHref(given: string | null, base: string, trusted: boolean): string | null {
  if (given === null || given === '' || !URL.canParse(given, base)) return null;
  const url = new URL(given, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  return trusted || url.origin === new URL(base).origin ? url.href : null;
}

/** Does what a button says; where that is not possible any more the page will show why. */
async function act(
  world: World,
  tx: Tx,
  request: FastifyRequest,
  id: string,
  asked: Asked,
): Promise<boolean> {
  const session = await sessionOf(tx, id, asked);
  const intent = session ? null : await findAnyones(tx, 'payment_intent', id);
  const owner = (session ?? intent)?.owner;
  if (owner === undefined) return false;
  if (intent && !sameSecret(asked.clientSecret, intent.data.client_secret)) return false;
  const call: Call = {
    tx,
    world,
    owner,
    access: 'secret',
    requestId: null,
    idempotencyKey: null,
    baseUrl: baseUrlOf(world, request),
    happened: [],
  };
  if (session) await actOnSession(call, session.data.id, asked.action);
  else await actOnIntent(call, id, asked.action);
  await recordHappenings(call);
  return true;
}

async function actOnSession(call: Call, id: string, action: string): Promise<void> {
  const card = cardOf.get(action);
  if (card !== undefined) await paySession(call, id, card);
  if (action === 'approve') await authenticateSession(call, id, true);
  if (action === 'refuse') await authenticateSession(call, id, false);
}

async function actOnIntent(call: Call, id: string, action: string): Promise<void> {
  const intent = await lock(call, 'payment_intent', id);
  if (!intent) return;
  const { status } = intent.data;
  const card = cardOf.get(action);
  const confirmable: readonly string[] = allowedIn.confirm;
  if (card !== undefined && confirmable.includes(status)) {
    const attached = await attach(call, intent, card);
    if (attached.ok) await attempt(call, attached.value);
  }
  if (status !== 'requires_action') return;
  if (action === 'approve') await finishAuthentication(call, intent, true);
  if (action === 'refuse') await finishAuthentication(call, intent, false);
}

/** The session of this id, or the one whose intent this is: then the session must be completed. */
async function sessionOf(
  tx: Tx,
  id: string,
  asked: Asked,
): Promise<StoredObject<'checkout.session'> | null> {
  const session = await findAnyones(tx, 'checkout.session', id);
  if (session) return session;
  const intent = await findAnyones(tx, 'payment_intent', id);
  if (intent?.hidden.session === undefined) return null;
  if (!sameSecret(asked.clientSecret, intent.data.client_secret)) return null;
  return findAnyones(tx, 'checkout.session', intent.hidden.session);
}

function sendPage(reply: FastifyReply, status: number, view: PageView): FastifyReply {
  return reply
    .status(status)
    .headers({
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; " +
        "frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex',
    })
    .type('text/html; charset=utf-8')
    .send(renderPage(view));
}
