/** The server's pages in a browser: they read well, stay at home, and run nobody else's code. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { inDays, onSale } from '../kit/given.ts';
import { requireEngine } from '../kit/requires.ts';
import { launch, type Visit, visit } from './browser.ts';

const chromium = requireEngine('chromium');

const PAGES = ['/', '/docs', '/docs/facts', '/docs/problems'] as const;
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

/** Each would run, or add an element, where text is taken for HTML, for an address or for code. */
const PAYLOADS = [
  '<script>window.stolen=1</script>',
  '"><img src=x onerror=window.stolen=1>',
  "'><svg/onload=window.stolen=1>",
  '</a></h2></li></ol><iframe srcdoc="<script>parent.stolen=1</script>"></iframe>',
  '<a href="javascript:window.stolen=1">free tickets</a>',
  '</title><script>window.stolen=1</script><title>',
  '</style><script>window.stolen=1</script>',
  '<!--><script>window.stolen=1</script>-->',
  '&lt;script&gt;window.stolen=1&lt;/script&gt;',
  '{{constructor.constructor("window.stolen=1")()}}',
  '" autofocus onfocus="window.stolen=1" x="',
  '<math><mtext><table><mglyph><style><img src=x onerror=window.stolen=1>',
];

const AXE_TIMEOUT_MS = 120_000;

describe.skipIf(chromium === undefined)('the pages', () => {
  let app: TestApp;
  let browser: Browser;

  beforeAll(async () => {
    app = await startApp();
    browser = await launch(chromium);
    await onSale(app.admin, { more: { name: 'Paper Lanterns', venueName: 'Halle Nord' } });
    const long = 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen'.repeat(2);
    await onSale(app.admin, { more: { name: long, description: long, venueName: long } });
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  async function open(path: string, options: Parameters<typeof visit>[2] = {}): Promise<Visit> {
    const visited = await visit(browser, app.origin, { viewport: DESKTOP, ...options });
    await visited.page.goto(app.origin + path, { waitUntil: 'load' });
    if (path === '/docs' && options.javaScriptEnabled !== false) {
      await visited.page.getByText('Create an event').waitFor();
    }
    return visited;
  }

  const looks = PAGES.flatMap((path) =>
    (['light', 'dark'] as const).flatMap((colorScheme) =>
      [DESKTOP, PHONE].map((viewport) => ({ path, colorScheme, viewport, width: viewport.width })),
    ),
  );

  it.each(looks)(
    '$path, $colorScheme, $width wide: stays at home, without a complaint, and fits',
    async ({ path, colorScheme, viewport }) => {
      const { page, outside, complaints, broken, close } = await open(path, {
        colorScheme,
        viewport,
      });
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await page.title()).toMatch(/ · Fanfare$/);
      expect(await overflow(page)).toBe(0);
      expect({ outside, complaints, broken }).toEqual({ outside: [], complaints: [], broken: [] });
      const isDark = await page.evaluate<number>(darkness);
      expect(isDark < 100, `brightness ${isDark}`).toBe(colorScheme === 'dark');
      await close();
    },
  );

  it.each(
    PAGES.flatMap((path) => (['light', 'dark'] as const).map((scheme) => [path, scheme] as const)),
  )(
    '%s, %s: axe finds nothing serious',
    async (path, colorScheme) => {
      const { page, close } = await open(path, { colorScheme });
      if (path === '/docs') {
        await page.getByRole('button', { name: /List events/ }).click();
        await page.getByRole('button', { name: 'Execute' }).waitFor();
      }
      const { violations, passes } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(
        ({ impact }) => impact === 'serious' || impact === 'critical',
      );
      const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`);
      expect(told).toEqual([]);
      expect(passes.length).toBeGreaterThan(10);
      await close();
    },
    AXE_TIMEOUT_MS,
  );

  it('is watched by eyes that see: what leaves or is forbidden is told', async () => {
    const { page, outside, complaints, close } = await open('/');
    await page.evaluate(`
      document.body.insertAdjacentHTML('beforeend', '<img src="https://elsewhere.example/a.png">');
      document.body.append(Object.assign(document.createElement('script'), { text: '0' }));
    `);
    await page.goto('https://elsewhere.example/').catch(() => {});
    expect(outside).toEqual(['https://elsewhere.example/']);
    expect(complaints.filter((text) => text.includes('Content Security Policy'))).toHaveLength(2);
    await close();
  });

  it.each([...PAGES, '/docs/', '/docs/static/swagger-ui-bundle.js'])(
    '%s may load nothing from elsewhere, and needs no TLS',
    async (path) => {
      const { headers } = await fetch(app.origin + path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https:|\*|upgrade-insecure/);
    },
  );

  it('/ lists what is on, and each of its links leads somewhere', async () => {
    const { page, close } = await open('/');
    const item = page.getByRole('listitem').filter({ hasText: 'Paper Lanterns' });
    await expect(item.textContent()).resolves.toMatch(/Halle Nord · €25\.00[\s\S]*On sale/);
    const link = item.getByRole('link', { name: 'Paper Lanterns' });
    expect(await link.getAttribute('href')).toMatch(/^\/api\/v1\/events\/evt_/);
    const links = await page.getByRole('link').all();
    const addresses = await Promise.all(links.map((one) => one.getAttribute('href')));
    expect(addresses).toContain('/docs');
    for (const address of new Set(addresses)) {
      expect((await fetch(app.origin + address)).status, String(address)).toBe(200);
    }
    await close();
  });

  it.each(['/', '/docs', '/docs/problems'])('%s says something without scripts', async (path) => {
    const { page, complaints, close } = await open(path, { javaScriptEnabled: false });
    const text = await page.locator('body').textContent();
    const expected = { '/': 'Paper Lanterns', '/docs': '/openapi.json' }[path] ?? 'sold_out';
    expect(text).toContain(expected);
    expect(complaints).toEqual([]);
    await close();
  });

  it('/docs/problems leads to the line of a problem’s type', async () => {
    const refused = await app.guest.get('/orders');
    const { page, close } = await open(refused.body.type);
    const line = page.locator('tr:target');
    await expect(line.textContent()).resolves.toContain('unauthenticated');
    await close();
  });

  it('/docs tries a call out, also with a key', async () => {
    const draft = { name: 'Nobody sees this yet', timezone: 'Europe/Berlin', currency: 'EUR' };
    await app.admin.post('/events', { ...draft, startsAt: inDays(1), publish: false });
    const { page, outside, complaints, broken, close } = await open('/docs');
    await page.getByRole('button', { name: /List events/ }).click();
    await page.getByRole('button', { name: 'Execute' }).click();
    const answer = page.locator('.live-responses-table .response-col_description');
    await answer.getByText('Paper Lanterns').first().waitFor();

    await page.getByRole('button', { name: 'Authorize', exact: true }).click();
    // It calls itself no dialog.
    const dialog = page.locator('.modal-ux');
    await dialog.getByRole('textbox').first().fill(ADMIN_KEY);
    await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
    await dialog.getByRole('button', { name: 'Close' }).first().click();
    // With the key, a draft is in the list, too.
    await page.getByRole('button', { name: 'Execute' }).first().click();
    await answer.getByText('Nobody sees this yet').first().waitFor();
    expect({ outside, complaints, broken }).toEqual({ outside: [], complaints: [], broken: [] });
    await close();
  });

  it('shows hostile names, texts and venues as the text they are', async () => {
    for (const payload of PAYLOADS) {
      const more = { name: payload, description: payload, venueName: payload };
      await onSale(app.admin, { more: { ...more, startsAt: inDays(2) } });
    }
    const { page, outside, complaints, close } = await open('/');
    const names = await page.getByRole('heading', { level: 2 }).allInnerTexts();
    expect(names).toEqual(expect.arrayContaining(PAYLOADS));
    const about = await page.locator('.about').allInnerTexts();
    expect(about).toEqual(expect.arrayContaining(PAYLOADS));
    const made = page.locator(
      'script, iframe, img, svg, math, style, [onerror], [onfocus], body *[style]',
    );
    expect(await made.count()).toBe(0);
    expect(await page.evaluate('window.stolen')).toBeUndefined();
    expect({ outside, complaints }).toEqual({ outside: [], complaints: [] });

    await page.goto(`${app.origin}/docs`);
    await page.getByRole('button', { name: /List events/ }).click();
    await page.getByRole('button', { name: 'Execute' }).click();
    await page.getByText('mglyph').first().waitFor();
    expect(await page.evaluate('window.stolen')).toBeUndefined();
    expect({ outside, complaints }).toEqual({ outside: [], complaints: [] });
    await close();
  });

  it('opens an event as JSON, never as a page', async () => {
    const { page, close } = await open('/');
    const hostile = page.getByRole('link', { name: PAYLOADS[0] ?? '' }).first();
    const [answer] = await Promise.all([page.waitForNavigation(), hostile.click()]);
    expect(answer?.headers()['content-type']).toMatch(/^application\/json/);
    expect(answer?.headers()['x-content-type-options']).toBe('nosniff');
    expect(await page.evaluate('window.stolen')).toBeUndefined();
    await close();
  });
});

/** How far the page can be scrolled sideways. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
}

/** The brightness of the page's ground, from 0 to 255. */
const darkness = `(() => {
  const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g);
  return (Number(r) + Number(g) + Number(b)) / 3;
})()`;
