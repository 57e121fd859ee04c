/**
 * Stripe's own recipes for provoking a webhook (`stripe trigger` of its command line): the calls of
 * each, made here, must produce the event that it is named after.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../test/kit/db.ts';
import { requireEngine } from '../../test/kit/requires.ts';
import { type OpenSandbox, openSandbox } from './testing.ts';

const data = requireEngine('data');
const FOLDER = join(data ?? '', 'stripe', 'cli-triggers');

/** What is not simulated, and why not. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['account.updated', 'accounts are not onboarded here'],
  ['balance.available', 'money is available at once'],
  ['checkout.session.async_payment_failed', 'cards only'],
  ['checkout.session.async_payment_succeeded', 'cards only'],
  ['checkout.session.completed', 'paid through an interface of Stripe’s page: page.test.ts does'],
  ['customer.created', 'no customers'],
  ['customer.deleted', 'no customers'],
  ['customer.updated', 'no customers'],
  ['payment_intent.partially_funded', 'no customers'],
  ['payment_intent.processing', 'cards only'],
  ['payout.created', 'no payouts'],
  ['payout.updated', 'no payouts'],
  ['promotion_code.created', 'no promotion codes'],
  ['promotion_code.updated', 'no promotion codes'],
  ['transfer.created', 'no transfers'],
  ['transfer.reversed', 'no transfers'],
  ['transfer.updated', 'no transfers'],
]);

type Params = { readonly [name: string]: unknown };
type Fixture = {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly params?: Params | null;
};

const recipes = data === undefined ? [] : readdirSync(FOLDER).map((f) => f.replace('.json', ''));
const played = recipes.filter((name) => !LEFT_OUT.has(name));

describe.skipIf(data === undefined)('the recipe', () => {
  let open: OpenSandbox;
  beforeAll(async () => {
    open = await openSandbox(await cloneDb());
  });
  afterAll(() => open?.close());

  it('is played or left out for a reason, every one of them', () => {
    expect(recipes).toEqual(expect.arrayContaining([...LEFT_OUT.keys()]));
    expect(played.length).toBeGreaterThanOrEqual(15);
  });

  it.each(played)('of %s', async (type) => {
    const recipe = JSON.parse(readFileSync(join(FOLDER, `${type}.json`), 'utf8')) as {
      readonly fixtures: readonly Fixture[];
    };
    const answers = new Map<string, unknown>();
    for (const fixture of recipe.fixtures) await play(open, fixture, answers);
    const { data: events } = await open.stripe.events.list({ type, limit: 1 });
    expect(events).toHaveLength(1);
  });
});

/** Products and prices are given in the session's own lines, which Stripe takes as well. */
async function play(open: OpenSandbox, fixture: Fixture, answers: Map<string, unknown>) {
  const { name, method, params } = fixture;
  const path = filled(fixture.path, answers);
  if (path === '/v1/products' || path === '/v1/prices') {
    answers.set(name, { ...params, id: name });
    return;
  }
  const { shipping: _unused, ...rest } = params ?? {};
  const form = formOf(withPrices(rest, answers), answers);
  const answer =
    method === 'get'
      ? await open.call('GET', `${path}?${form}`)
      : await open.call('POST', path, form);
  // A decline is what some of them are about.
  expect([200, 402]).toContain(answer.status);
  answers.set(name, await answer.json());
}

function withPrices(params: Params, answers: Map<string, unknown>): Params {
  if (!('line_items' in params)) return params;
  const { unit_amount, currency } = answers.get('price') as Params;
  const price_data = { unit_amount, currency, product_data: { name: 'myproduct' } };
  return { ...params, line_items: [{ quantity: 2, price_data }] };
}

/** `${payment_intent:id}`, `${disputes_list:data.0.id}`: a member of an earlier answer. */
function filled(text: string, answers: Map<string, unknown>): string {
  return text.replace(/\$\{([^:}]+):([^}]+)\}/g, (_, name: string, path: string) => {
    let at = answers.get(name);
    for (const part of path.split('.')) at = (at as Params | undefined)?.[part];
    return String(at);
  });
}

function formOf(params: Params, answers: Map<string, unknown>): string {
  const form = new URLSearchParams();
  const add = (key: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null) form.append(key, filled(`${value}`, answers));
    else for (const [name, inner] of Object.entries(value)) add(`${key}[${name}]`, inner);
  };
  for (const [name, value] of Object.entries(params)) add(name, value);
  return form.toString();
}
