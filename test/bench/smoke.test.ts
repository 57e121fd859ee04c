/** Every section of the inventory bench runs, and its books balance; nobody asks how fast. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { sectionNames } from '../../bench/inventory/sections.ts';
import { projectRoot } from '../../server/kernel/root.ts';

const TIMEOUT_MS = 300_000;

it(
  'D12 the inventory bench runs through, Redis lock and all',
  async () => {
    const command = [join(projectRoot, 'tools', 'bench.mjs'), 'inventory', '--smoke'];
    const ran = await promisify(execFile)(process.execPath, command, { timeout: TIMEOUT_MS });
    for (const name of sectionNames) expect(ran.stdout).toContain(name);
    expect(ran.stdout).toMatch(/\d+ of \d+ bars met/);
  },
  TIMEOUT_MS,
);
