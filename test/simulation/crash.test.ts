/** G8, G10, G14, G15: a server that dies at any step of a checkout, and the one that goes on. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { projectRoot } from '../../server/kernel/root.ts';
import { crashes } from './crash-points.ts';

const TIMEOUT_MS = 400_000;
const folder = mkdtempSync(join(tmpdir(), 'simulation-crash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it(
  'G8 G10 G14 G15: killed at each step, every purchase ends well and is answered alike',
  async () => {
    const file = join(folder, 'crash.json');
    const command = [join(projectRoot, 'tools', 'sim.mjs'), '--crash', '--report', file];
    const ran = promisify(execFile)(process.execPath, command, { timeout: TIMEOUT_MS });
    const said = await ran.catch((error: { stdout?: string; stderr?: string }) => error);
    expect(said, `${said.stdout}${said.stderr}`).not.toBeInstanceOf(Error);
    // Written by main.ts as an object.
    const report = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect(report['violations']).toEqual([]);
    expect(report['crashes']).toHaveLength(crashes.length);
    expect(crashes.length).toBeGreaterThanOrEqual(25);
  },
  TIMEOUT_MS,
);
