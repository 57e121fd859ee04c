/** `/sandbox/mailbox`: a list, a message, its parts. JSON for whoever asks for JSON. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { all, type Db, maybe } from '../../kernel/db.ts';
import { escapeHtml } from '../page/html.ts';
import { type StoredMail, selectAttachment, selectMail, selectMails } from './mail.sql.ts';
import { css } from './style.ts';

const PATH = '/sandbox/mailbox';
const SHOWN = 50;
const JSON_MAX = 200;
/** What a mail may do here: show itself, and open links elsewhere. */
const LETTER_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; " +
  "frame-ancestors 'none'";

export function mailboxPages(db: Db): FastifyPluginAsync {
  return async (app) => {
    app.get(`${PATH}/mailbox.css`, async (_request, reply) =>
      reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=300').send(css),
    );
    app.get(PATH, (request, reply) => showList(db, request, reply));
    app.get(`${PATH}/:id`, (request, reply) => showMail(db, request, reply));
    app.get(`${PATH}/:id/html`, (request, reply) => showLetter(db, request, reply));
    registerAttachments(db, app);
  };
}

function registerAttachments(db: Db, app: FastifyInstance): void {
  app.get(`${PATH}/:id/attachments/:position`, async (request, reply) => {
    const [mailId, position] = [numberIn(request, 'id'), numberIn(request, 'position')];
    const found = await maybe(db, selectAttachment(mailId, position));
    if (!found) return notFound(reply);
    const name = found.fileName.replace(/[^A-Za-z0-9._-]/g, '_');
    return reply
      .headers({
        'cache-control': 'no-store',
        'content-disposition': `attachment; filename="${name}"`,
      })
      .type(found.contentType)
      .send(found.content);
  });
}

async function showList(db: Db, request: FastifyRequest, reply: FastifyReply) {
  const to = textIn(request, 'to');
  const before = Number(textIn(request, 'before') ?? Number.NaN);
  const from = Number.isSafeInteger(before) ? before : null;
  if (wantsJson(request)) {
    const mails = await all(db, selectMails(to, from, JSON_MAX));
    return reply.header('cache-control', 'no-store').send({ data: mails.map(jsonOf) });
  }
  const mails = await all(db, selectMails(to, from, SHOWN + 1));
  return sendPage(reply, 'Mailbox', listHtml(mails.slice(0, SHOWN), to, mails.length > SHOWN));
}

async function showMail(db: Db, request: FastifyRequest, reply: FastifyReply) {
  const found = await maybe(db, selectMail(numberIn(request, 'id')));
  if (!found) return notFound(reply);
  if (wantsJson(request)) return reply.header('cache-control', 'no-store').send(jsonOf(found));
  return sendPage(reply, found.subject, mailHtml(found));
}

async function showLetter(db: Db, request: FastifyRequest, reply: FastifyReply) {
  const found = await maybe(db, selectMail(numberIn(request, 'id')));
  if (!found?.html) return notFound(reply);
  return reply
    .headers({ 'cache-control': 'no-store', 'content-security-policy': LETTER_POLICY })
    .type('text/html; charset=utf-8')
    .send(found.html);
}

function jsonOf({ mailId, at, ...mail }: StoredMail) {
  return { id: mailId, ...mail, at: at.toISOString() };
}

function wantsJson(request: FastifyRequest): boolean {
  return /\bapplication\/json\b/.test(request.headers.accept ?? '');
}

/** Below zero, which no message has, for what is no number. */
function numberIn(request: FastifyRequest, name: string): number {
  // The framework's parser makes an object of the address's parts.
  const value = (request.params as Readonly<Record<string, string>>)[name] ?? '';
  return /^\d{1,9}$/.test(value) ? Number(value) : -1;
}

function textIn(request: FastifyRequest, name: string): string | null {
  // As above.
  const value = (request.query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value !== '' ? value.replaceAll('\0', '') : null;
}

function listHtml(mails: readonly StoredMail[], to: string | null, isMore: boolean): string {
  const last = mails.at(-1);
  const search = to === null ? '' : `&amp;to=${encodeURIComponent(to)}`;
  const items = mails.map(
    (mail) => `<li>
<a href="${PATH}/${mail.mailId}">
<span class="to">${escapeHtml(mail.recipient)}</span>
<span class="subject">${mail.channel === 'sms' ? '<span class="sms">SMS</span> ' : ''}${escapeHtml(mail.subject)}</span>
${timeHtml(mail.at)}
</a>
</li>`,
  );
  const all = to === null ? '' : `<p class="back"><a href="${PATH}">All messages</a></p>`;
  return `<h1>Mailbox</h1>
<p class="lead">Messages that no mail server or text message provider is configured for end here,
and nowhere else.</p>
<form method="get" action="${PATH}" role="search">
<label for="to">To</label>
<input id="to" name="to" value="${escapeHtml(to ?? '')}" placeholder="ada@example.org" autocomplete="off">
<button>Show</button>
</form>
${all}
${items.length === 0 ? '<p class="empty">There is nothing here.</p>' : `<ol class="mails">${items.join('\n')}</ol>`}
${isMore && last ? `<p class="back"><a href="${PATH}?before=${last.mailId}${search}">Older ones</a></p>` : ''}`;
}

function mailHtml(mail: StoredMail): string {
  const facts = [['To', mail.recipient], ...Object.entries(mail.headers)].map(
    ([name = '', value = '']) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`,
  );
  const files = mail.attachments.map(
    ({ fileName, octets }, position) =>
      `<li><a href="${PATH}/${mail.mailId}/attachments/${position}">${escapeHtml(fileName)}</a>
<span class="size">${sizeText(octets)}</span></li>`,
  );
  const letter =
    mail.html === null
      ? ''
      : `<iframe src="${PATH}/${mail.mailId}/html" title="The message" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>`;
  const text = `<pre>${escapeHtml(mail.text)}</pre>`;
  return `<p class="back"><a href="${PATH}">All messages</a></p>
<h1>${escapeHtml(mail.subject)}</h1>
<p class="lead">${timeHtml(mail.at)}</p>
${files.length === 0 ? '' : `<ul class="files" aria-label="Attachments">${files.join('\n')}</ul>`}
${letter}
${mail.html === null ? text : `<details><summary>Text</summary>${text}</details>`}
<details><summary>Headers</summary><dl>${facts.join('\n')}
<dt>Message</dt><dd>${escapeHtml(mail.reference)}</dd></dl></details>`;
}

function timeHtml(at: Date): string {
  const iso = at.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

function sizeText(octets: number): string {
  return octets < 1_024 ? `${octets} bytes` : `${Math.round(octets / 1_024)} kB`;
}

function notFound(reply: FastifyReply): FastifyReply {
  return sendPage(reply.status(404), 'Not found', '<h1>There is no such message</h1>');
}

function sendPage(reply: FastifyReply, title: string, body: string): FastifyReply {
  return reply
    .headers({
      'cache-control': 'no-store',
      'content-security-policy': PAGE_POLICY,
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    })
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${PATH}/mailbox.css">
</head>
<body>
<header class="sandbox">Sandbox: these messages were sent to nobody.</header>
<main>
${body}
</main>
</body>
</html>
`);
}
