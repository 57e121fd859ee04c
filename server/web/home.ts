import type { FastifyInstance } from 'fastify';
import { anonymous } from '../kernel/actor.ts';
import type { Ctx } from '../kernel/context.ts';
import type { Currency } from '../kernel/money.ts';
import { formatMoney, money } from '../kernel/money.ts';
import { formatLocal } from '../kernel/time.ts';
import { type EventView, listEvents } from '../modules/catalog/index.ts';
import { readAvailability, type SaleStatus } from '../modules/inventory/index.ts';
import { escapeHtml, page, stylesheet } from './page.ts';

const SHOWN_EVENTS = 50;
const DAY_MS = 86_400_000;

const words: Readonly<Record<SaleStatus, string>> = {
  scheduled: 'Not on sale yet',
  on_sale: 'On sale',
  paused: 'Sale paused',
  sold_out: 'Sold out',
  closed: 'Sale closed',
  cancelled: 'Cancelled',
  past: 'Over',
};

/** `/`: what is on, for a person with a browser. The storefront is a later step. */
export function registerHome(app: FastifyInstance, ctx: Ctx): void {
  app.get('/style.css', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=300').send(stylesheet),
  );
  app.get('/', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(await homePage(ctx)),
  );
}

async function homePage(ctx: Ctx): Promise<string> {
  const from = new Date((ctx.clock.now() ?? new Date(ctx.ids.nowMs())).getTime() - DAY_MS);
  const list = await listEvents(ctx, anonymous, { limit: SHOWN_EVENTS, from });
  const events = list.ok ? list.value.data : [];
  const items = await Promise.all(events.map((event) => eventItem(ctx, event)));
  return page(
    'Fanfare · What is on',
    `<header><h1>What is on</h1>
<nav><a href="/docs">API reference</a><a href="/openapi.json">OpenAPI</a></nav></header>
<p class="lead">Tickets at face value, sold straight to fans. Each title opens the event as the
API shows it; the reference says how to buy.</p>
${items.length > 0 ? `<ol class="events">\n${items.join('\n')}\n</ol>` : '<p>Nothing is announced at the moment.</p>'}
<footer>Fanfare is free software (Apache-2.0).</footer>`,
  );
}

async function eventItem(ctx: Ctx, event: EventView): Promise<string> {
  // An id that the list has just given.
  const sale = await readAvailability(ctx, event.id as Parameters<typeof readAvailability>[1]);
  const status = sale?.status ?? 'closed';
  const when = formatLocal(new Date(event.startsAt), event.timezone, 'en-GB');
  const where = event.venueName ? escapeHtml(event.venueName) : '';
  return `<li>
<time datetime="${escapeHtml(event.startsAt)}">${escapeHtml(when)}</time>
<div><h2><a href="/api/v1/events/${event.id}">${escapeHtml(event.name)}</a></h2>
<p>${[where, priceRange(event)].filter(Boolean).join(' · ')}</p></div>
<span class="status ${status}">${words[status]}</span>
</li>`;
}

function priceRange(event: EventView): string {
  const prices = event.ticketTypes.map((type) => type.price.amount);
  if (prices.length === 0) return '';
  // The catalogue stores only currencies that it has checked.
  const shown = (amount: number) => formatMoney(money(amount, event.currency as Currency), 'en-GB');
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  return low === high ? shown(low) : `${shown(low)} to ${shown(high)}`;
}
