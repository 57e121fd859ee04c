import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeOwnership } from './owner.ts';
import { pidSpace, startMark } from './processes.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'fanfare-owner-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** Leaves the files that a holder leaves; `silentMs` ago it gave its last sign of life. */
function leaveHolder(claim: object | string, silentMs = 0): void {
  const folder = join(home, 'owner');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, '00000000000000aa.claim');
  writeFileSync(path, typeof claim === 'string' ? claim : JSON.stringify(claim));
  writeFileSync(join(folder, '00000000000000aa.held'), '');
  const then = new Date(Date.now() - silentMs);
  utimesSync(path, then, then);
}

const self = () => ({ pid: process.pid, startMark: startMark(process.pid), space: pidSpace() });
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;

describe('the owner of a data folder', () => {
  it('keeps a second one out and says which process it is', async () => {
    const first = await takeOwnership(home);
    await expect(takeOwnership(home)).rejects.toThrow(
      `The database folder ${home} is in use by process ${process.pid}: ` +
        'stop that Fanfare first, or set DATA_DIR to another folder.',
    );
    first.release();
    const second = await takeOwnership(home);
    second.release();
    expect(readdirSync(join(home, 'owner'))).toEqual([]);
  });

  it('is exactly one of many that start together', async () => {
    const starts = await Promise.allSettled(Array.from({ length: 20 }, () => takeOwnership(home)));
    expect(starts.filter((start) => start.status === 'fulfilled')).toHaveLength(1);
  });

  it('lets go when it is dead', async () => {
    leaveHolder({ ...self(), pid: deadPid() });
    (await takeOwnership(home)).release();
    expect(readdirSync(join(home, 'owner'))).toEqual([]);
  });

  it('is told apart from another process that got its number', async () => {
    leaveHolder({ ...self(), startMark: 'another start' });
    (await takeOwnership(home)).release();
  });

  it('blocks while its number and its start are those of a living process', async () => {
    leaveHolder(self());
    await expect(takeOwnership(home)).rejects.toThrow('is in use by process');
  });

  it('in another container blocks as long as it gives signs of life', async () => {
    leaveHolder({ ...self(), pid: deadPid(), space: 'elsewhere pid:[1]' }, 5_000);
    await expect(takeOwnership(home)).rejects.toThrow('is in use by process');
  });

  it('in another container is believed dead after a silence', async () => {
    leaveHolder({ ...self(), space: 'elsewhere pid:[1]' }, 60_000);
    (await takeOwnership(home)).release();
  });

  it('whose record a power cut has emptied does not block for ever', async () => {
    leaveHolder('');
    (await takeOwnership(home)).release();
  });
});
