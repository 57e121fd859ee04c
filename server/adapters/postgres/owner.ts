/**
 * One live Fanfare per data folder. PostgreSQL guards its own files, but a second Fanfare would
 * take the first one's server for a left-over and stop it.
 *
 * Node has no file locks, so this is a claim that everybody can see: each starter writes a file of
 * its own (`<id>.claim`), then reads the others'. Whoever finds a live holder, or a live claim with
 * a smaller id, withdraws; whoever finds nobody else writes `<id>.held` beside its claim. Of two
 * that start at the same instant at least one sees the other, because both write before they read.
 * The claim is never renamed, since a listing may miss a file that is renamed under it. The files
 * of a dead process are removed by whoever reads them; that takes nothing from anybody, which is
 * what stealing a single lock file cannot promise.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, pidSpace, startMark } from './processes.ts';
import { codeOf, PostgresUnavailable } from './unavailable.ts';

const RIVAL_POLL_MS = 10;
const RIVAL_WAIT_MAX_MS = 5_000;
const HEARTBEAT_MS = 3_000;
/** Another machine's or container's holder is believed dead after this silence. */
const SILENCE_MAX_MS = 15_000;

type Claim = { readonly pid: number; readonly startMark: string | null; readonly space: string };

export type Ownership = { readonly release: () => void };

/** Throws PostgresUnavailable while another process holds the folder. */
export async function takeOwnership(homeDir: string): Promise<Ownership> {
  const folder = join(homeDir, 'owner');
  mkdirSync(folder, { recursive: true });
  const id = randomBytes(8).toString('hex');
  writeClaim(folder, id);

  const givenUpAt = performance.now() + RIVAL_WAIT_MAX_MS;
  for (;;) {
    const rivals = liveRivals(folder, id);
    const stronger = rivals.find((rival) => rival.held || rival.id < id);
    if (stronger || (rivals.length > 0 && performance.now() > givenUpAt)) {
      removeClaim(folder, id);
      throw new PostgresUnavailable(inUse(homeDir, stronger ?? rivals[0]));
    }
    if (rivals.length === 0) break;
    await sleep(RIVAL_POLL_MS);
  }

  writeFileSync(join(folder, `${id}.held`), '');
  const heartbeat = setInterval(() => beat(folder, id), HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: () => {
      clearInterval(heartbeat);
      removeClaim(folder, id);
    },
  };
}

type Rival = { readonly id: string; readonly held: boolean; readonly claim: Claim };

/** The others who claim the folder and live; files of the dead are removed on the way. */
function liveRivals(folder: string, ownId: string): readonly Rival[] {
  const nowMs = statSync(claimPath(folder, ownId)).mtimeMs;
  const ids = readdirSync(folder).flatMap(
    (file) => /^([0-9a-f]{16})\.claim$/.exec(file)?.[1] ?? [],
  );
  return ids.flatMap((id) => {
    if (id === ownId) return [];
    const claim = readClaim(folder, id);
    if (claim === 'withdrawn') return [];
    if (claim !== 'broken' && isLive(claim.claim, nowMs - claim.touchedMs)) {
      return [{ id, held: existsSync(join(folder, `${id}.held`)), claim: claim.claim }];
    }
    removeClaim(folder, id);
    return [];
  });
}

type ReadClaim = { readonly claim: Claim; readonly touchedMs: number } | 'withdrawn' | 'broken';

/** A claim appears whole, so a broken one is what a power cut left of a dead process. */
function readClaim(folder: string, id: string): ReadClaim {
  const path = claimPath(folder, id);
  try {
    return { claim: JSON.parse(readFileSync(path, 'utf8')), touchedMs: statSync(path).mtimeMs };
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'withdrawn' : 'broken';
  }
}

function isLive(claim: Claim, silentMs: number): boolean {
  if (claim.space !== pidSpace()) return silentMs < SILENCE_MAX_MS;
  if (!isAlive(claim.pid)) return false;
  return claim.startMark === null || claim.startMark === startMark(claim.pid);
}

function writeClaim(folder: string, id: string): void {
  const claim: Claim = {
    pid: process.pid,
    startMark: startMark(process.pid),
    space: pidSpace(),
  };
  const half = join(folder, `${id}.half`);
  writeFileSync(half, JSON.stringify(claim), { mode: 0o600 });
  renameSync(half, claimPath(folder, id));
}

function removeClaim(folder: string, id: string): void {
  rmSync(join(folder, `${id}.held`), { force: true });
  rmSync(claimPath(folder, id), { force: true });
}

/**
 * Rewrites one byte with itself, so that the time of the change is the file system's, which is the
 * only clock two machines share here.
 */
function beat(folder: string, id: string): void {
  try {
    const file = openSync(claimPath(folder, id), 'r+');
    writeSync(file, '{', 0);
    closeSync(file);
  } catch {
    // The folder was deleted under us; PostgreSQL notices that too, within a minute, and stops.
  }
}

function claimPath(folder: string, id: string): string {
  return join(folder, `${id}.claim`);
}

function inUse(homeDir: string, rival: Rival | undefined): string {
  const who = rival ? `process ${rival.claim.pid}` : 'another process';
  return (
    `The database folder ${homeDir} is in use by ${who}: ` +
    'stop that Fanfare first, or set DATA_DIR to another folder.'
  );
}
