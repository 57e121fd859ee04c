/** The benches run, and their books balance; nobody asks how fast. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { sectionNames } from '../../bench/inventory/sections.ts';
import { projectRoot } from '../../server/kernel/root.ts';

const TIMEOUT_MS = 300_000;

const smoke = (name: string) =>
  promisify(execFile)(
    process.execPath,
    [join(projectRoot, 'tools', 'bench.mjs'), name, '--smoke'],
    { timeout: TIMEOUT_MS },
  );

it(
  'D12 the inventory bench runs through, Redis lock and all',
  async () => {
    const ran = await smoke('inventory');
    for (const name of sectionNames) expect(ran.stdout).toContain(name);
    expect(ran.stdout).toMatch(/\d+ of \d+ bars met/);
  },
  TIMEOUT_MS,
);

it(
  'the venues bench takes plans of all its sizes and sells in them',
  async () => {
    const { stdout } = await smoke('venues');
    for (const size of ['200 seats', '1,000 seats']) expect(stdout).toContain(size);
    expect(stdout.match(/\[bar ≤ [^\]]*: met\]/g)).toHaveLength(4);
    expect(stdout).toContain('most ÷ least cost of a seat');
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);

it(
  'the purchases bench buys through all its shops, and their books balance',
  async () => {
    const { stdout } = await smoke('purchases');
    for (const shop of ['the product', 'one transaction each', 'skeleton']) {
      expect(stdout).toContain(shop);
    }
    expect(stdout).toMatch(/purchases\/s ÷ the skeleton: [\d.]+/);
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);

it(
  'B4 the bench of a cancellation ends all orders of an event, and refunds go out',
  async () => {
    const { stdout } = await smoke('cancel-event');
    expect(stdout).toContain('slowest ÷ fastest tenth');
    expect(stdout).toMatch(/[1-9][\d.,]* a second over 3 s/);
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);

it(
  'G12 the bench of the relay sells beside it, and every fact gets its number',
  async () => {
    const { stdout } = await smoke('relay');
    expect(stdout).toMatch(/with ÷ without: [\d.]+/);
    expect(stdout.match(/lag p99, ms: [\d.,]+/g)).toHaveLength(2);
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);

it(
  'the live bench tells all of its listeners',
  async () => {
    const { stdout } = await smoke('live');
    expect(stdout).toContain('100 who listen to one event');
    expect(stdout).toMatch(/last listener having heard of it: [\d.]+/);
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);

it(
  'F10 the waitlist bench offers every place that comes back',
  async () => {
    const { stdout } = await smoke('waitlist');
    expect(stdout).toContain('100 places given up, each offered to the next in line');
    expect(stdout).toMatch(/from the release to the offer, p99 ms: [\d.,]+/);
    expect(stdout).not.toContain('kept as');
  },
  TIMEOUT_MS,
);
