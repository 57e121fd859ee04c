/**
 * `/sign-in` and `/unsubscribe`: where links in mail lead. A link alone changes nothing, because
 * programs that look into mail follow it, too; a button on the page does.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { anonymous } from '../kernel/actor.ts';
import type { Ctx } from '../kernel/context.ts';
import { isForeign } from '../kernel/http-session.ts';
import { optOut, optOutKey } from '../modules/notifications/index.ts';
import { cookieOf, verifySignIn } from '../modules/people/index.ts';
import { escapeHtml, page } from './page.ts';

const FORM = 'application/x-www-form-urlencoded';
const FORM_LIMIT_BYTES = 8_192;

export async function registerPeoplePages(app: FastifyInstance, ctx: Ctx): Promise<void> {
  await app.register(async (pages) => {
    pages.addContentTypeParser(
      [FORM, 'multipart/form-data'],
      { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    );
    registerSignIn(pages, ctx);
    registerUnsubscribe(pages, ctx);
  });
}

function registerSignIn(app: FastifyInstance, ctx: Ctx): void {
  app.get('/sign-in', { schema: { hide: true } }, async (request, reply) => {
    // The framework's parser makes an object of whatever stands there.
    const { token } = request.query as Readonly<Record<string, unknown>>;
    const shown = typeof token === 'string' ? token.slice(0, 200) : '';
    return send(
      reply,
      200,
      'Sign in',
      `<h1 id="title">Sign in</h1>
<p class="lead">One more step, so that nobody is signed in by a program that looks into their mail.</p>
<form method="post" action="/sign-in">
<input type="hidden" name="token" value="${escapeHtml(shown)}">
<button>Sign in</button>
</form>`,
    );
  });
  app.post('/sign-in', { schema: { hide: true } }, async (request, reply) => {
    if (isOthers(request)) return send(reply, 403, 'Not signed in', notOurs);
    const token = formOf(request).get('token') ?? '';
    const own = { ...ctx, actor: 'anonymous', requestId: request.id };
    const done = await verifySignIn(own, anonymous, { kind: 'token', token }, null);
    if (done.ok && done.value.token !== undefined) {
      return reply.header('set-cookie', cookieOf(ctx, done.value.token)).redirect('/', 303);
    }
    const isBusy = !done.ok && done.refusal.code === 'busy';
    return send(
      reply,
      isBusy ? 503 : 401,
      'Not signed in',
      `<h1 id="title">${isBusy ? 'Try again in a moment' : 'This link does not count any more'}</h1>
<p class="lead">A link works once, for ten minutes. Ask for another one where you wanted to sign in.</p>`,
    );
  });
}

/**
 * A page of another site must not sign somebody in as somebody else. What is no browser says
 * nothing of where it comes from, and has no cookies to be given.
 */
function isOthers({ method, headers }: FastifyRequest): boolean {
  return isForeign({ method, headers: { 'x-requested-with': 'nobody', ...headers } });
}

const notOurs = `<h1 id="title">This came from another site</h1>
<p class="lead">Open the link from your mail once more.</p>`;

function registerUnsubscribe(app: FastifyInstance, ctx: Ctx): void {
  const path = '/unsubscribe/:token';
  const keyIn = (request: FastifyRequest) =>
    // The address has this part.
    optOutKey(ctx, (request.params as { readonly token: string }).token);
  app.get(path, { schema: { hide: true } }, async (request, reply) => {
    if (!keyIn(request)) return send(reply, 404, 'Not found', notKnown);
    return send(
      reply,
      200,
      'No more such mail',
      `<h1 id="title">No more such mail?</h1>
<p class="lead">You will get no reminders and no offers of a waitlist any more. What is about your
orders still comes.</p>
<form method="post"><button name="wanted" value="no">No more of it</button></form>`,
    );
  });
  // Programs for mail post here by themselves, when their user asks them to (RFC 8058).
  app.post(path, { schema: { hide: true } }, async (request, reply) => {
    const key = keyIn(request);
    if (!key) return send(reply, 404, 'Not found', notKnown);
    const isOut = formOf(request).get('wanted') !== 'yes';
    await optOut(ctx, key, isOut);
    return send(
      reply,
      200,
      'Done',
      isOut
        ? `<h1 id="title">Done</h1>
<p class="lead">You will get no more of it.</p>
<form method="post"><button name="wanted" value="yes">I did not mean that</button></form>`
        : `<h1 id="title">Done</h1>
<p class="lead">You will get it again.</p>`,
    );
  });
}

const notKnown = `<h1 id="title">This link is not complete</h1>
<p class="lead">Open it from the mail once more.</p>`;

function formOf({ body }: FastifyRequest): URLSearchParams {
  return new URLSearchParams(typeof body === 'string' ? body : '');
}

function send(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .status(status)
    .headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    .type('text/html; charset=utf-8')
    .send(page({ title, current: null, body }));
}
