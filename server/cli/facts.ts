import { parseArgs } from 'node:util';
import { countParked, parkedKeys, retryParked } from '../kernel/parked-facts.ts';
import { type Command, UsageError } from './command.ts';
import { withParts } from './with-parts.ts';

const options = { consumer: { type: 'string' }, key: { type: 'string' } } as const;

export const runFacts: Command = {
  usage: [
    ['facts parked', 'list facts that a consumer could not handle, by key'],
    ['facts retry', 'handle them again'],
  ],
  help: `fanfare facts parked|retry [--consumer C] [--key K]

A fact that a consumer cannot handle waits here, and those of the same key that follow it with it;
everything else goes on. When the cause is mended, retry handles them in their order. Exits with 1
where some are left.

  --consumer C  of this consumer only
  --key K       of this key only`,
  run: async (args, config) => {
    const [what, ...rest] = args;
    if (what !== 'parked' && what !== 'retry') {
      throw new UsageError('fanfare facts parked, or fanfare facts retry');
    }
    const of = parse(rest);
    return withParts(config(), async ({ ctx, consumers }) => {
      if (what === 'retry') {
        const { done, failed, elsewhere } = await retryParked(ctx, consumers.list, of);
        console.log(`${done} handled.`);
        for (const [name, error] of failed) console.log(`${name}: ${error}`);
        for (const [name, facts] of elsewhere) {
          console.log(`${name}: ${facts} not tried, by these settings it does not run here`);
        }
      }
      for await (const { consumer, key, eventId, seq, kind, error, facts } of parkedKeys(ctx, of)) {
        const behind = facts > 1 ? ` (${facts - 1} behind it)` : '';
        console.log(`${consumer} ${key}: ${eventId} ${seq} ${kind}: ${error}${behind}`);
      }
      const left = [...(await countParked(ctx, of)).values()].reduce((sum, one) => sum + one, 0);
      console.log(left === 0 ? 'None is parked.' : `${left} parked.`);
      return left === 0 ? 0 : 1;
    });
  },
};

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
