/**
 * A bounded run of each kind, as people start them: the simulation with all its faults, and the
 * kill loops. The long runs are made by hand; docs/simulation.md says how.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../server/kernel/root.ts';

const TIMEOUT_MS = 170_000;
const folder = mkdtempSync(join(tmpdir(), 'simulation-smoke-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `npm run sim` and reads its report; a failure shows all that it said. */
async function sim(name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const report = join(folder, `${name}.json`);
  const command = [join(projectRoot, 'tools', 'sim.mjs'), ...args, '--report', report];
  const ran = promisify(execFile)(process.execPath, command, { timeout: TIMEOUT_MS });
  const said = await ran.catch((error: { stdout?: string; stderr?: string }) => error);
  expect(said, `${said.stdout}${said.stderr}`).not.toBeInstanceOf(Error);
  // Written by main.ts as an object.
  return JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>;
}

describe('the simulation', () => {
  it(
    'G1 G2 G3 G4 G5 G6 G7 G9 G14 G15 hold in every snapshot, through every fault',
    async () => {
      // Which states so short a run reaches depends on how busy the machine is.
      const report = await sim('run', '--seed', '1', '--ops', '2000', '--demand', 'none');
      expect(report['violations']).toEqual([]);
      expect(report['operations']).toBe(2_000);
      expect(Number(report['eventsAudited'])).toBeGreaterThanOrEqual(3);
    },
    TIMEOUT_MS,
  );
});

describe('kill -9', () => {
  it.each(['server', 'postgres'])(
    'G15 of %s, 20 times in a storm, loses nothing that was acknowledged',
    async (killed) => {
      // How soon it is back is measured by hand: here others share the machine.
      const report = await sim(killed, '--kill', killed, '--rounds', '20', '--demand', 'none');
      expect(report).toMatchObject({ rounds: 20, violations: [] });
      expect(Number(report['acknowledged'])).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );
});
