import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { systemIds } from '../../kernel/context.ts';
import { API_PREFIX } from '../index.ts';
import { type OpenSandbox, openSandbox } from '../testing.ts';
import { escapeHtml, money } from './html.ts';
import { safeHref } from './routes.ts';

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterAll(() => open.close());

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};
const unescapeHtml = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? '');

/** The page as its visitor has it: what it says, its buttons, where its link leads. */
async function visit(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  const html = await answer.text();
  const all = (pattern: RegExp) =>
    [...html.matchAll(pattern)].map((match) => match.slice(1).map(unescapeHtml));
  const buttons = new Map(
    all(/<button class="\w+" name="action" value="(\w+)"[^>]*>([^<]+)</g).map(
      ([value = '', label = '']) => [label, value],
    ),
  );
  const fields = all(/<input type="hidden" name="(\w+)" value="([^"]*)">/g);
  return {
    status: answer.status,
    headers: answer.headers,
    html,
    title: all(/<h1>([^<]*)<\/h1>/g)[0]?.[0],
    alert: all(/role="alert">([^<]*)</g)[0]?.[0] ?? null,
    link: all(/<a href="([^"]*)"/g)[0]?.[0] ?? null,
    buttons: [...buttons.keys()],
    press: (label: string) => {
      const body = new URLSearchParams([
        ...fields.map(([name = '', value = '']): [string, string] => [name, value]),
        ['action', buttons.get(label) ?? `no button ${label}`],
      ]);
      return visit(answer.url, { method: 'POST', body });
    },
  };
}

async function intent(more: object = {}) {
  return open.stripe.paymentIntents.create({ amount: 4_550, currency: 'eur', ...more });
}

const pageOf = ({ id, client_secret }: { id: string; client_secret: string | null }, more = '') =>
  `${open.origin}/sandbox/pay/${id}?client_secret=${client_secret}${more}`;

const CHOICES = ['Pay', 'Pay with 3-D Secure', 'Decline the card', 'Walk away'];

describe('the page of a PaymentIntent', () => {
  it('shows amount and description, and takes the payment; the link leads back', async () => {
    const made = await intent({ description: 'Two <b>"seats"</b> & a programme' });
    const page = await visit(pageOf(made, '&return_url=%2Forders%2F1%3Ftab%3Da'));
    expect(page).toMatchObject({ status: 200, title: 'Pay', buttons: CHOICES, link: null });
    expect(page.html).toContain('€45.50');
    expect(page.html).toContain('Two &lt;b&gt;&quot;seats&quot;&lt;/b&gt; &amp; a programme');
    const paid = await page.press('Pay');
    expect(paid).toMatchObject({ title: 'Paid', buttons: [] });
    const back = new URL(paid.link ?? '');
    expect(back.origin + back.pathname).toBe(`${open.origin}/orders/1`);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      tab: 'a',
      payment_intent: made.id,
      payment_intent_client_secret: made.client_secret,
      redirect_status: 'succeeded',
    });
    expect((await open.stripe.paymentIntents.retrieve(made.id)).status).toBe('succeeded');
    const again = await page.press('Pay');
    expect(again.title).toBe('Paid');
    expect((await open.stripe.charges.list({ payment_intent: made.id })).data).toHaveLength(1);
  });

  it('tells of a decline, and lets the buyer try again', async () => {
    const made = await intent({ capture_method: 'manual' });
    const declined = await (await visit(pageOf(made))).press('Decline the card');
    expect(declined.alert).toBe('Your card was declined. You can try again.');
    const paid = await declined.press('Pay');
    expect(paid).toMatchObject({ title: 'Authorised', alert: null });
    expect((await open.stripe.paymentIntents.retrieve(made.id)).status).toBe('requires_capture');
  });

  it('asks the bank for 3-D Secure, which may be refused and tried again', async () => {
    const made = await intent();
    const bank = await (await visit(pageOf(made))).press('Pay with 3-D Secure');
    expect(bank).toMatchObject({ title: 'Your bank asks', buttons: ['Approve', 'Refuse'] });
    const refused = await bank.press('Refuse');
    expect(refused.alert).toContain('could not confirm that it was you');
    const waiting = await open.stripe.paymentIntents.retrieve(made.id);
    expect(waiting.last_payment_error?.code).toBe('payment_intent_authentication_failure');
    const second = await refused.press('Pay with 3-D Secure');
    expect((await second.press('Approve')).title).toBe('Paid');
  });

  it('can be left without paying', async () => {
    const made = await intent();
    const left = await (await visit(pageOf(made, '&return_url=/cart'))).press('Walk away');
    expect(left).toMatchObject({ title: 'Not paid', buttons: [] });
    expect(left.link).toContain(`${open.origin}/cart?`);
    expect((await open.stripe.paymentIntents.retrieve(made.id)).status).toBe(
      'requires_payment_method',
    );
  });

  it('is where a confirmed 3-D Secure payment is sent', async () => {
    const made = await intent({
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://shop.example/back',
    });
    const bank = await visit(made.next_action?.redirect_to_url?.url ?? '');
    const paid = await bank.press('Approve');
    expect(paid.link).toMatch(/^https:\/\/shop\.example\/back\?/);
  });

  it('shows nothing without the client secret', async () => {
    const made = await intent();
    for (const query of ['', '?client_secret=', '?client_secret=wrong']) {
      const url = `${open.origin}/sandbox/pay/${made.id}${query}`;
      const page = await visit(url);
      expect(page.status).toBe(404);
      expect(page.html).not.toContain('45.50');
      const posted = await fetch(url, { method: 'POST', body: new URLSearchParams('action=pay') });
      expect(posted.status).toBe(404);
    }
    expect((await visit(`${open.origin}/sandbox/pay/pi_none`)).status).toBe(404);
    expect((await visit(`${open.origin}/sandbox/pay/pi%00none`)).status).toBe(404);
  });

  it('has no script, a strict policy, and is kept nowhere', async () => {
    const page = await visit(pageOf(await intent()));
    expect(page.html).not.toMatch(/<script|<style|style=|\son\w+=/i);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const css = await fetch(`${open.origin}/sandbox/pay/page.css`);
    expect(css.headers.get('content-type')).toContain('text/css');
  });

  it('says when a payment was cancelled', async () => {
    const made = await intent();
    await open.stripe.paymentIntents.cancel(made.id);
    expect(await visit(pageOf(made))).toMatchObject({ title: 'Cancelled', buttons: [] });
  });
});

describe('a link back', () => {
  it.each([
    ['/orders/1?a=b', 'https://tickets.example/orders/1?a=b'],
    ['https://tickets.example/x', 'https://tickets.example/x'],
    ['https://evil.example/x', null],
    ['//evil.example/x', null],
    ['/\\evil.example/x', null],
    ['javascript:alert(1)', null],
    ['data:text/html,x', null],
    ['https://tickets.example.evil.example/', null],
    ['http://tickets.example/', null],
    ['', null],
  ])('%s', (given, href) => {
    expect(safeHref(given, 'https://tickets.example', false)).toBe(href);
  });

  it('may lead elsewhere where the secret key said so, but never to a script', () => {
    const base = 'https://tickets.example';
    expect(safeHref('https://shop.example/', base, true)).toBe('https://shop.example/');
    expect(safeHref('javascript:alert(1)', base, true)).toBeNull();
  });
});

const basket = (more: object = {}) => ({
  mode: 'payment' as const,
  success_url: 'https://shop.example/paid?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'https://shop.example/cart',
  line_items: [
    {
      quantity: 2,
      price_data: { currency: 'eur', unit_amount: 1_500, product_data: { name: 'Stalls' } },
    },
    {
      quantity: 1,
      price_data: { currency: 'eur', unit_amount: 900, product_data: { name: 'Child' } },
    },
  ],
  metadata: { order_id: 'ord_s' },
  payment_intent_data: { metadata: { order_id: 'ord_s' } },
  ...more,
});

describe('a Checkout Session', () => {
  it('is paid on its page', async () => {
    const session = await open.stripe.checkout.sessions.create(basket());
    expect(session).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 3_900,
      payment_intent: null,
      metadata: { order_id: 'ord_s' },
    });
    const page = await visit(session.url ?? '');
    expect(page.html).toContain('Stalls');
    expect(page.html).toContain('€39.00');
    const declined = await page.press('Decline the card');
    expect(declined.alert).toBe('Your card was declined. You can try again.');
    const paid = await declined.press('Pay');
    expect(paid.link).toBe(`https://shop.example/paid?session=${session.id}`);
    const done = await open.stripe.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent.latest_charge'],
    });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      payment_intent: {
        status: 'succeeded',
        amount: 3_900,
        metadata: { order_id: 'ord_s' },
        latest_charge: { object: 'charge', payment_method_details: { card: { last4: '4242' } } },
      },
    });
    const { data } = await open.stripe.events.list({ type: 'checkout.session.completed' });
    expect(data[0]?.data.object).toMatchObject({ id: session.id, payment_status: 'paid' });
    const expire = open.stripe.checkout.sessions.expire(session.id);
    await expect(expire).rejects.toMatchObject({ statusCode: 400 });
    const { byIntent } = await open.sandbox.ledger();
    expect(byIntent.find(({ orderId }) => orderId === 'ord_s')?.capturedMinor).toBe(3_900);
  });

  it('is unpaid until its authorised payment is captured', async () => {
    const session = await open.stripe.checkout.sessions.create(
      basket({ payment_intent_data: { capture_method: 'manual' } }),
    );
    await (await visit(session.url ?? '')).press('Pay');
    const complete = await open.stripe.checkout.sessions.retrieve(session.id);
    expect(complete).toMatchObject({ status: 'complete', payment_status: 'unpaid' });
    await open.stripe.paymentIntents.capture(complete.payment_intent as string);
    const paid = await open.stripe.checkout.sessions.retrieve(session.id);
    expect(paid.payment_status).toBe('paid');
  });

  it('completes after 3-D Secure, wherever its payment was opened', async () => {
    const session = await open.stripe.checkout.sessions.create(basket());
    await (await visit(session.url ?? '')).press('Pay with 3-D Secure');
    const { payment_intent: id } = await open.stripe.checkout.sessions.retrieve(session.id);
    const waiting = await open.stripe.paymentIntents.retrieve(id as string);
    const bank = await visit(waiting.next_action?.redirect_to_url?.url ?? '');
    expect(bank.title).toBe('Your bank asks');
    expect((await bank.press('Approve')).title).toBe('Paid');
    const done = await open.stripe.checkout.sessions.retrieve(session.id);
    expect(done.status).toBe('complete');
  });

  it('cannot be completed once expired, by itself or by hand', async () => {
    const { sessions } = open.stripe.checkout;
    const byHand = await sessions.create(basket());
    const page = await visit(byHand.url ?? '');
    expect(await sessions.expire(byHand.id)).toMatchObject({ status: 'expired', url: null });
    const late = await page.press('Pay');
    expect(late).toMatchObject({ title: 'Too late', link: 'https://shop.example/cart' });
    await expect(sessions.expire(byHand.id)).rejects.toMatchObject({ statusCode: 400 });

    const nowS = Math.floor((systemIds.nowMs() + open.clock.offsetMs) / 1000);
    const byItself = await sessions.create(basket({ expires_at: nowS + 31 * 60 }));
    const bank = await (await visit(byItself.url ?? '')).press('Pay with 3-D Secure');
    open.clock.offsetMs += 32 * 60_000;
    expect((await bank.press('Approve')).title).toBe('Too late');
    expect((await sessions.retrieve(byItself.id)).status).toBe('open');
    await open.sandbox.runDue();
    const expired = await sessions.retrieve(byItself.id, { expand: ['payment_intent'] });
    expect(expired).toMatchObject({ status: 'expired', payment_intent: { status: 'canceled' } });
    const { data } = await open.stripe.events.list({ type: 'checkout.session.expired' });
    expect(data).toHaveLength(2);
  });

  it('lives 30 minutes to 24 hours', async () => {
    const session = await open.stripe.checkout.sessions.create(basket());
    expect(session.expires_at - session.created).toBe(24 * 3_600);
    for (const lifeS of [29 * 60, 24 * 3_600 + 60]) {
      const params = basket({ expires_at: session.created + lifeS });
      const create = open.stripe.checkout.sessions.create(params);
      await expect(create).rejects.toMatchObject({ param: 'expires_at' });
    }
  });

  it('keeps its payment from being cancelled under its feet', async () => {
    const session = await open.stripe.checkout.sessions.create(basket());
    await (await visit(session.url ?? '')).press('Decline the card');
    const { payment_intent: id } = await open.stripe.checkout.sessions.retrieve(session.id);
    const cancel = open.stripe.paymentIntents.cancel(id as string);
    await expect(cancel).rejects.toMatchObject({ statusCode: 400 });
  });

  it('is paid or expired when both come at once, and the two agree', async () => {
    for (let i = 0; i < 10; i++) {
      const session = await open.stripe.checkout.sessions.create(basket());
      const page = await visit(session.url ?? '');
      const [, expired] = await Promise.allSettled([
        page.press('Pay'),
        open.stripe.checkout.sessions.expire(session.id),
      ]);
      const { status, payment_intent } = await open.stripe.checkout.sessions.retrieve(session.id, {
        expand: ['payment_intent'],
      });
      expect(status).toBe(expired.status === 'fulfilled' ? 'expired' : 'complete');
      if (status === 'complete') expect(payment_intent).toMatchObject({ status: 'succeeded' });
      else expect(payment_intent).toBeNull();
    }
  });

  it('is listed by its payment', async () => {
    const { data } = await open.stripe.checkout.sessions.list({ status: 'complete', limit: 1 });
    const id = data[0]?.payment_intent as string;
    const found = await open.stripe.checkout.sessions.list({ payment_intent: id });
    expect(found.data.map((session) => session.id)).toEqual([data[0]?.id]);
  });

  it('is refused with mixed currencies, no items or a link that is none', async () => {
    for (const [more, param] of [
      [{ line_items: [] }, 'line_items'],
      [{ success_url: 'javascript:alert(1)' }, 'success_url'],
      [
        {
          line_items: [
            ...basket().line_items,
            {
              quantity: 1,
              price_data: { currency: 'usd', unit_amount: 5, product_data: { name: 'T' } },
            },
          ],
        },
        'line_items',
      ],
    ] as const) {
      const create = open.stripe.checkout.sessions.create(basket(more));
      await expect(create).rejects.toMatchObject({ statusCode: 400, param });
    }
  });
});

describe('small things', () => {
  it('formats money in its own minor units, and escapes everything', () => {
    expect([money(4_550, 'eur'), money(1_500, 'jpy'), money(1_500, 'kwd')]).toEqual([
      '€45.50',
      '¥1,500',
      'KWD\u00a01.500',
    ]);
    expect(escapeHtml(`<a href="x" o='y'>&`)).toBe(
      '&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;',
    );
  });

  it('refuses a body that is not a form, and one that is too large', async () => {
    const json = await open.call('POST', '/v1/refunds', '{}', {
      'content-type': 'application/json',
    });
    expect([json.status, (await json.json()) as object]).toMatchObject([
      400,
      { error: { type: 'invalid_request_error' } },
    ]);
    const large = await open.call('POST', '/v1/refunds', `a=${'x'.repeat(70_000)}`);
    expect(large.status).toBe(400);
    expect(API_PREFIX).toBe('/sandbox/stripe');
  });
});
