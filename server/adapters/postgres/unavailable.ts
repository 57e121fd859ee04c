import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_MAX_BYTES = 8_192;
const TAIL_MAX_LINES = 6;

/** The embedded PostgreSQL cannot be had. The message is for people and says what to do. */
export class PostgresUnavailable extends Error {
  override readonly name = 'PostgresUnavailable';
}

/** The system's name for what went wrong (ENOENT), or an SQLSTATE; empty for other errors. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The sentence, then what PostgreSQL itself said last. */
export function unavailable(sentence: string, saidLast: string): PostgresUnavailable {
  const lines = saidLast.split('\n').filter((line) => line.trim() !== '');
  return new PostgresUnavailable([sentence, ...lines.slice(-TAIL_MAX_LINES)].join('\n  '));
}

export function tailOf(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const size = fstatSync(file).size;
      const length = Math.min(size, TAIL_MAX_BYTES);
      const tail = Buffer.alloc(length);
      readSync(file, tail, 0, length, size - length);
      return tail.toString('utf8');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
