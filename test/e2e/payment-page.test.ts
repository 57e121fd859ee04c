/** The sandbox's payment page, by a person with a mouse: pay, decline, 3-D Secure, walk away. */
import { randomUUID } from 'node:crypto';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, onSale } from '../kit/given.ts';
import { requireEngine } from '../kit/requires.ts';
import { yes } from '../kit/stripe.ts';
import { launch, visit } from './browser.ts';

const chromium = requireEngine('chromium');
const PHONE = { width: 360, height: 740 };
const HOUR_MS = 3_600_000;
const CLICKS_MAX_MS = 120_000;

describe.skipIf(chromium === undefined)('D3 B11 the payment page', () => {
  let app: TestApp;
  let browser: Browser;
  beforeAll(async () => {
    app = await startApp();
    browser = await launch(chromium);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
  });

  /** Of a booking's intent. */
  async function intentPage(): Promise<string> {
    const { eventId, typeId } = await onSale(app.admin);
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    return booked.body.payment.redirectUrl;
  }

  async function checkoutPage(): Promise<string> {
    const checkout = await yes(
      app.ctx.ports.payments.of(null).createCheckout({
        ...{ amountMinor: 5_000, currency: 'EUR', description: `Order ord_${'0'.repeat(37)}` },
        ...{ metadata: {}, idempotencyKey: randomUUID() },
        customerEmail: 'buyer@example.org',
        successUrl: `${app.origin}/?paid={CHECKOUT_SESSION_ID}`,
        cancelUrl: `${app.origin}/?left=1`,
        expiresAt: new Date(Date.now() + HOUR_MS),
      }),
    );
    return checkout.url ?? '';
  }

  const press = (page: Page, name: string) =>
    page.getByRole('button', { name, exact: true }).click();
  const title = (page: Page, name: string) =>
    page.getByRole('heading', { level: 1, name }).waitFor();

  describe.each([
    ['a payment intent', intentPage],
    ['a Checkout Session', checkoutPage],
  ])('of %s', (what, open) => {
    it.each([
      ['pays', ['Pay'], 'Authorised'],
      ['approves at the bank', ['Pay with 3-D Secure', 'Approve'], 'Authorised'],
      ['is declined, and pays after all', ['Decline the card', 'Pay'], 'Authorised'],
      ['refuses at the bank, and pays', ['Pay with 3-D Secure', 'Refuse', 'Pay'], 'Authorised'],
      ['walks away', ['Walk away'], 'Not paid'],
    ])(
      '%s',
      async (_who, buttons, end) => {
        const { page, outside, complaints, broken, close } = await visit(browser, app.origin, {
          viewport: PHONE,
          javaScriptEnabled: false,
        });
        await page.goto(await open());
        await title(page, 'Pay');
        expect(await page.getByText('€50.00').count()).toBe(1);
        for (const button of buttons) await press(page, button);
        await title(page, end);
        // What is over has nothing left to press.
        expect(await page.getByRole('button').count()).toBe(0);
        if (what === 'a Checkout Session') {
          const back = page.getByRole('link', { name: 'Back to the shop' });
          expect(await back.getAttribute('href')).toContain(end === 'Not paid' ? 'left=' : 'paid=');
        }
        expect({ outside, complaints, broken }).toEqual({
          outside: [],
          complaints: [],
          broken: [],
        });
        await close();
      },
      CLICKS_MAX_MS,
    );

    it(
      'can be used by everybody, and fits a phone',
      async () => {
        const { page, close } = await visit(browser, app.origin, { viewport: PHONE });
        await page.goto(await open());
        const scan = () => new AxeBuilder({ page }).analyze();
        const tooWide = () =>
          page.evaluate<number>(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
        expect((await scan()).violations).toEqual([]);
        expect(await tooWide()).toBe(0);
        await press(page, 'Pay with 3-D Secure');
        await title(page, 'Your bank asks');
        expect((await scan()).violations).toEqual([]);
        expect(await tooWide()).toBe(0);
        await close();
      },
      CLICKS_MAX_MS,
    );
  });
});
