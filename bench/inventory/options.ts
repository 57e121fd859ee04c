import type { Options } from './bench.ts';

export class WrongOption extends Error {
  override readonly name = 'WrongOption';
}

export const USAGE = `npm run bench -- inventory [options]

  --only NAME,NAME…   these sections alone
  --scale FACTOR      times and counts multiplied, 0.01 to 10 (default 1)
  --rounds N          blocks of each arm, 1 to 50 (default: each section's own)
  --smoke             tiny counts: shows that all sections run and hold; keeps no results`;

const SCALE = { least: 0.01, most: 10 };
const ROUNDS = { least: 1, most: 50 };

function numberIn(text: string | undefined, { least, most }: typeof SCALE, option: string): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new WrongOption(`${option} takes a number from ${least} to ${most}, not ${text}.`);
}

/** Throws WrongOption. */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  let only: readonly string[] = [];
  let scale = 1;
  let rounds: number | null = null;
  let smoke = false;
  const rest = args.flatMap((arg) => arg.split(/(?<=^--\w+)=/));
  while (rest.length > 0) {
    const option = rest.shift();
    switch (option) {
      case '--only':
        only = (rest.shift() ?? '').split(',').filter(Boolean);
        break;
      case '--scale':
        scale = numberIn(rest.shift(), SCALE, option);
        break;
      case '--rounds':
        rounds = Math.round(numberIn(rest.shift(), ROUNDS, option));
        break;
      case '--smoke':
        smoke = true;
        break;
      default:
        throw new WrongOption(`There is no option ${option}.`);
    }
  }
  const strange = only.find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new WrongOption(`There is no section ${strange}; there are: ${known.join(', ')}.`);
  }
  return { only, scale, smoke, rounds };
}
