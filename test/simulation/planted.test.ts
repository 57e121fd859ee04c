/**
 * Planted bugs are found by the simulation: what cannot fail proves nothing. One of each sort here;
 * all of them by hand: `npm run sim -- --planted all`.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { projectRoot } from '../../server/kernel/root.ts';
import { checkChanges } from './planted.ts';
import { plants } from './plants.ts';

const TIMEOUT_MS = 300_000;

it('each planted bug finds the text that it changes', () => {
  expect(plants.length).toBeGreaterThanOrEqual(22);
  for (const plant of plants) expect(() => checkChanges(plant)).not.toThrow();
});

it(
  'a planted bug of each sort is caught',
  async () => {
    const command = [join(projectRoot, 'tools', 'sim.mjs'), '--planted', 'smoke'];
    const ran = promisify(execFile)(process.execPath, command, { timeout: TIMEOUT_MS });
    const { stdout } = await ran.catch((error: { stdout: string }) => error);
    const planted = plants.filter(({ smoke }) => smoke).length;
    // Which check is the first to see it depends on the moment; by hand it must be the named one.
    expect(stdout).toMatch(new RegExp(`of ${planted} caught`));
    expect(stdout).not.toMatch(/NOT CAUGHT(?!:)/);
    expect(planted).toBeGreaterThanOrEqual(12);
  },
  TIMEOUT_MS,
);
