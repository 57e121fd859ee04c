/** What servers say of requests that failed: the last of it, for whoever was answered 500. */
import type { Logger } from 'pino';
import { createLog } from '../../server/kernel/log.ts';

const KEPT_MAX = 20;
const heard: string[] = [];

export function hearLine(server: string, line: string): void {
  if (!line.includes('"a request failed"')) return;
  heard.push(`${server}: ${line.trim()}`);
  if (heard.length > KEPT_MAX) heard.shift();
}

export const failuresHeard = (): readonly string[] => [...heard];

/** The log of a server in this process. */
export function heardLog(server: string): Logger {
  const write = (line: string) => hearLine(server, line);
  return createLog({ LOG_LEVEL: 'error' }, { write });
}
