/**
 * The file that stops selling, `stop-selling` in DATA_DIR: a scope, a blank and an RFC 3339 time a
 * line. A line that is no such thing, or a file without lines (`touch`), stops everything: whoever
 * writes it by hand in a hurry means it.
 */
import type { Stop } from './stop-board.ts';

export const STOP_FILE = 'stop-selling';

const LINE = /^(all|evt_[0-9a-z]+|org_[0-9a-z]+)(?:\s+(\S+))?$/;
const START = new Date(0);

export function parseStopFile(content: string): readonly Stop[] {
  const lines = content.split(/\r?\n/).flatMap((line) => line.trim() || []);
  if (lines.length === 0) return [stopOf('all', START)];
  return lines.map((line) => {
    const [, scope = 'all', at] = LINE.exec(line) ?? [];
    const since = new Date(at ?? Number.NaN);
    return stopOf(scope, Number.isNaN(since.getTime()) ? START : since);
  });
}

function stopOf(scope: string, since: Date): Stop {
  return { scope, since, actor: 'file', reason: null };
}

export function formatStopFile(stops: readonly Pick<Stop, 'scope' | 'since'>[]): string {
  return stops.map(({ scope, since }) => `${scope} ${since.toISOString()}\n`).join('');
}
