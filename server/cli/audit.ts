import { auditAll } from '../modules/reporting/index.ts';
import { type Command, takesNothing } from './command.ts';
import { withParts } from './with-parts.ts';

export const runAudit: Command = {
  usage: [['audit', 'check the guarantees on the live database']],
  help: `fanfare audit

Checks every guarantee of docs/guarantees.md on every event, each in a snapshot of its own. Safe
beside a running sale. Exits with 1 where anything is violated.`,
  run: async (args, config) => {
    takesNothing('audit', args);
    return withParts(config(), async ({ ctx }) => {
      const report = await auditAll(ctx);
      for (const { id, name, violations, unchecked, findings } of report) {
        console.log(`${id.padEnd(4)} ${violations === 0 ? 'ok' : violations}  ${name}`);
        if (unchecked > 0) console.log(`       ${unchecked} events took too long to be checked`);
        for (const { eventId, objectId, detail } of findings) {
          console.log(`       ${eventId ?? '–'} ${objectId}: ${detail}`);
        }
      }
      const total = report.reduce((sum, check) => sum + check.violations, 0);
      const unchecked = report.some((check) => check.unchecked > 0);
      console.log(total === 0 ? 'Nothing is violated.' : `${total} violations.`);
      return total === 0 && !unchecked ? 0 : 1;
    });
  },
};
