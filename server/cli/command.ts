import type { Config } from '../kernel/config.ts';

export type Command = {
  /** Lines of the overview: how it is called, what it does. */
  readonly usage: readonly (readonly [call: string, what: string])[];
  readonly help: string;
  /** Returns the exit code. The configuration is read when it is needed. */
  readonly run: (args: readonly string[], config: () => Config) => Promise<number>;
};

/** Wrong usage: the message says what would be right; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a command says while it prepares. */
export function say(line: string): void {
  console.log(`  ${line}`);
}

/** No options, no arguments: anything is wrong usage. */
export function takesNothing(name: string, args: readonly string[]): void {
  if (args.length > 0) throw new UsageError(`fanfare ${name} takes no arguments: ${args[0]}`);
}
