/**
 * What this run starts does not outlive it, not even a `kill -9`: a shell waits for the end of its
 * input, which comes when this process is gone, and then ends the processes and removes the folder.
 * After an orderly end the folder is gone already, and the shell does nothing.
 */
import { spawn } from 'node:child_process';

const SCRIPT = `
  cat > /dev/null
  folder="$1"
  shift
  [ -d "$folder" ] || exit 0
  for pid in "$@"; do kill -INT "$pid" 2> /dev/null; done
  sleep 2
  rm -rf "$folder"`;

/** `pids` are ended by SIGINT. Does nothing where there is no shell. */
export function guard(folder: string, pids: readonly number[]): void {
  if (process.platform === 'win32') return;
  const shell = spawn('sh', ['-c', SCRIPT, 'sh', folder, ...pids.map(String)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
  });
  shell.on('error', () => {});
  shell.unref();
  const { stdin } = shell;
  // A child's pipe is a socket, which its type does not say; it must not keep the run alive.
  (stdin as typeof stdin & { unref: () => void }).unref();
}

/** By default a signal ends the process without its `exit` handlers, which stop what it started. */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
