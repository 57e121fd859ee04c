import type { FastifyInstance } from 'fastify';
import { anonymous } from '../kernel/actor.ts';
import type { Ctx } from '../kernel/context.ts';
import type { EventId } from '../kernel/ids.ts';
import type { Currency } from '../kernel/money.ts';
import { formatMoney, money } from '../kernel/money.ts';
import { formatLocal } from '../kernel/time.ts';
import { type EventView, listEvents } from '../modules/catalog/index.ts';
import { readAvailabilities, type SaleStatus } from '../modules/inventory/index.ts';
import { escapeHtml, page, stylesheet } from './page.ts';

const SHOWN_EVENTS = 50;
const OPENING_MAX_CHARS = 160;
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
  const sales = await readAvailabilities(ctx, events.map(idOf));
  const items = events.map((event) => eventItem(event, sales.get(idOf(event))?.status ?? 'closed'));
  const shown =
    items.length > 0
      ? `<ol class="events">\n${items.join('\n')}\n</ol>`
      : '<p>Nothing is announced at the moment.</p>';
  return page({
    title: 'What is on',
    current: '/',
    body: `<h1 id="title">What is on</h1>
<p class="lead">Tickets at face value, sold straight to fans. Each title opens the event as the API
shows it; the <a href="/docs">reference</a> says how to buy.</p>
${shown}`,
  });
}

// The list has just given it.
const idOf = (event: EventView) => event.id as EventId;

function eventItem(event: EventView, status: SaleStatus): string {
  const when = formatLocal(new Date(event.startsAt), event.timezone, 'en-GB');
  const facts = [event.venueName ? escapeHtml(event.venueName) : '', priceRange(event)];
  return `<li>
<div>
<time datetime="${escapeHtml(event.startsAt)}">${escapeHtml(when)}</time>
<h2><a href="/api/v1/events/${event.id}">${escapeHtml(event.name)}</a></h2>
<p class="facts">${facts.filter(Boolean).join(' · ')}</p>
${event.description ? `<p class="about">${escapeHtml(opening(event.description))}</p>` : ''}
</div>
<span class="status ${status}">${words[status]}</span>
</li>`;
}

/** As much of a text as fits a list, cut between words. */
function opening(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  if (line.length <= OPENING_MAX_CHARS) return line;
  return `${line.slice(0, OPENING_MAX_CHARS).replace(/\s\S*$/, '')} …`;
}

function priceRange(event: EventView): string {
  const prices = event.ticketTypes.map((type) => type.price.amount);
  if (prices.length === 0) return '';
  // The catalogue stores only currencies that it has checked.
  const shown = (amount: number) => formatMoney(money(amount, event.currency as Currency), 'en-GB');
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  if (high === 0) return 'free';
  if (low === high) return shown(low);
  return `${low === 0 ? 'free' : shown(low)} to ${shown(high)}`;
}
