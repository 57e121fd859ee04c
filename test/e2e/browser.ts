/** A Chromium that reaches one server and nothing else, and what it complains about. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** No sandbox, for tests may run as root; no service of its maker's behind our back. */
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-gpu',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
];

/** Shorter than a test may take, so that what did not appear is named. */
const PATIENCE_MS = 15_000;

export function launch(program: string | undefined): Promise<Browser> {
  if (program === undefined) throw new Error('there is no Chromium');
  return chromium.launch({ executablePath: program, args: FLAGS });
}

export type Visit = {
  readonly page: Page;
  /** Requests that left the server's origin; each was blocked. */
  readonly outside: string[];
  /** Errors and warnings of the console (the security policy's among them), and of scripts. */
  readonly complaints: string[];
  /** Addresses of the server that did not answer with 2xx or 3xx. */
  readonly broken: string[];
  readonly close: () => Promise<void>;
};

export async function visit(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const [outside, complaints, broken]: [string[], string[], string[]] = [[], [], []];
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(`${origin}/`)) return route.continue();
    outside.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('response', (response) => {
    if (response.status() >= 400) broken.push(`${response.status()} ${response.url()}`);
  });
  return { page, outside, complaints, broken, close: () => context.close() };
}
