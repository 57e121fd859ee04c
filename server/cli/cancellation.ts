import { isId } from '../kernel/ids.ts';
import { progressOf } from '../modules/changes/index.ts';
import { type Command, UsageError } from './command.ts';
import { withParts } from './with-parts.ts';

type Amount = { readonly amount: number; readonly currency: string };
const money = ({ amount, currency }: Amount) => `${amount} ${currency}`;

export const runCancellation: Command = {
  usage: [['cancellation evt_…', 'how far a cancelled or moved event’s remedies are']],
  help: `fanfare cancellation EVENT

Tells of the latest cancellation or move of an event what its buyers chose and where their money is,
in minor units. Safe while it is under way. Exits with 1 where the event was never cancelled or moved.`,
  run: async ([eventId, ...more], config) => {
    if (eventId === undefined || more.length > 0 || !isId('evt', eventId)) {
      throw new UsageError('fanfare cancellation takes the id of one event: evt_…');
    }
    return withParts(config(), async ({ ctx }) => {
      const progress = await progressOf(ctx, eventId);
      if (!progress) {
        console.log('This event was neither cancelled nor moved.');
        return 1;
      }
      const { orders, byRemedy } = progress;
      console.log(`${progress.kind} of ${eventId}, since ${progress.startedAt}`);
      console.log(`offered: ${progress.remedies.join(', ')}; else ${progress.defaultRemedy}`);
      console.log(`to choose until ${progress.chooseBy}`);
      for (const [state, count] of Object.entries(orders)) {
        console.log(`  orders ${state.padEnd(10)} ${count}`);
      }
      for (const { remedy, orders: chose, done, value } of byRemedy) {
        console.log(`  ${remedy.padEnd(17)} ${chose} orders, ${done} done, ${money(value)}`);
      }
      for (const [state, { refunds, amount }] of Object.entries(progress.money)) {
        console.log(`  refunds ${state.padEnd(9)} ${refunds}, ${money(amount)}`);
      }
      console.log(progress.settledAt ? `settled at ${progress.settledAt}` : 'not settled yet');
      if (progress.eta) console.log(`the last refund will be there at about ${progress.eta}`);
      return 0;
    });
  },
};
