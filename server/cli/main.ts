/** `fanfare <command>`. Exit codes: 0 done, 1 refused or violated, 2 usage. */
import { PostgresUnavailable } from '../adapters/postgres/index.ts';
import { NotFit } from '../assemble.ts';
import { ConfigError, environment, readConfig } from '../kernel/config.ts';
import { VERSION } from '../version.ts';
import { runAudit } from './audit.ts';
import { runCancellation } from './cancellation.ts';
import { type Command, UsageError } from './command.ts';
import { runConfig } from './config.ts';
import { runFacts } from './facts.ts';
import { runImport } from './import.ts';
import { runMail } from './mail.ts';
import { runMigrate } from './migrate.ts';
import { runStart, runWorker } from './start.ts';
import { runResumeSelling, runStopSelling } from './stop-selling.ts';
import { runTieOut } from './tie-out.ts';
import { runVerifyTicket } from './verify-ticket.ts';
import { runVerifyTimeline } from './verify-timeline.ts';

const commands: Readonly<Record<string, Command>> = {
  start: runStart,
  worker: runWorker,
  migrate: runMigrate,
  import: runImport,
  audit: runAudit,
  cancellation: runCancellation,
  'tie-out': runTieOut,
  'stop-selling': runStopSelling,
  'resume-selling': runResumeSelling,
  'verify-ticket': runVerifyTicket,
  'verify-timeline': runVerifyTimeline,
  facts: runFacts,
  mail: runMail,
  config: runConfig,
};

function usage(): string {
  const lines = Object.values(commands).flatMap((command) =>
    command.usage.map(([call, what]) => `  ${call.padEnd(26)} ${what}`),
  );
  return `fanfare ${VERSION}: sell tickets to fans at face value

Usage: fanfare <command> [options]

${lines.join('\n')}

fanfare <command> --help tells the options of a command.
Exit codes: 0 done, 1 refused or violated, 2 wrong usage.`;
}

/** Runs one command; returns the exit code. Everything for people goes to the console. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    console.log(VERSION);
    return 0;
  }
  const command = commands[name];
  if (!command) {
    console.error(`There is no command "${name}". fanfare --help lists them.`);
    return 2;
  }
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help);
    return 0;
  }
  try {
    return await command.run(args, () => readConfig(environment()));
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(error.message);
    return 2;
  }
  const expected =
    error instanceof ConfigError || error instanceof PostgresUnavailable || error instanceof NotFit;
  if (expected) {
    console.error(`Fanfare cannot go on: ${error.message}`);
    return 1;
  }
  if (error instanceof Error && isUnreachable(error)) {
    console.error(`Fanfare cannot reach its database: ${error.message}`);
    return 1;
  }
  console.error(error);
  return 1;
}

function isUnreachable(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', '28P01', '28000', '3D000'].includes(code);
}
