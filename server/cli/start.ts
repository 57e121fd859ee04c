import { environment } from '../kernel/config.ts';
import { startServer } from '../main.ts';
import { startWorker } from '../worker.ts';
import { type Command, say, takesNothing } from './command.ts';

const PARENT_LOOK_MS = 500;

/** Resolves at the first signal to end; a second one ends the process at once. */
function ended(): Promise<string> {
  return new Promise((resolve) => {
    let first = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (!first) process.exit(1);
        first = false;
        resolve(signal);
      });
    }
    // `npm start` does not hand every signal on: when it is gone, so is the one who started us.
    const parent = process.ppid;
    if (environment()['npm_lifecycle_event'] !== undefined) {
      const timer = setInterval(() => {
        if (process.ppid === parent) return;
        clearInterval(timer);
        resolve('npm has ended');
      }, PARENT_LOOK_MS);
      timer.unref();
    }
  });
}

export const runStart: Command = {
  usage: [['start', 'serve the API and its pages, and run jobs']],
  help: `fanfare start

Starts the database if none is given, migrates it, and serves until SIGTERM or Ctrl-C, then
finishes what runs. Settings are environment variables: fanfare config lists them.`,
  run: async (args, config) => {
    takesNothing('start', args);
    const end = ended();
    const running = await startServer(config(), say);
    const seconds = (performance.now() / 1000).toFixed(1);
    console.log(`\nFanfare is ready at ${running.url} (${seconds} s)\n`);
    console.log(`  What is on      ${running.url}/`);
    console.log(`  API reference   ${running.url}/docs`);
    if (running.adminKey) console.log(`  Admin key       ${running.adminKey}`);
    if (running.sandboxKeys) {
      console.log(`  Sandbox keys    ${running.sandboxKeys.publishable}`);
      console.log(`                  ${running.sandboxKeys.secret}`);
    }
    if (running.tryIt) console.log(`\n  Buy two tickets:\n  ${running.tryIt}`);
    console.log('\n  Ctrl-C stops it; the data stays.\n');
    const signal = await end;
    console.log(`${signal}: finishing what runs`);
    await running.stop();
    return 0;
  },
};

export const runWorker: Command = {
  usage: [['worker', 'run jobs only, beside servers with WORKER=0']],
  help: `fanfare worker

Runs jobs and recurring work until SIGTERM. For a fleet that shares one DATABASE_URL; with the
sandbox, HOST and PORT name the server whose sandbox takes the payments.`,
  run: async (args, config) => {
    takesNothing('worker', args);
    const end = ended();
    const running = await startWorker(config(), say);
    console.log('Fanfare runs jobs.');
    await end;
    await running.stop();
    return 0;
  },
};
