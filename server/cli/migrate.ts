import { joinDatabase } from '../database.ts';
import { migrate } from '../kernel/migrate.ts';
import { type Command, say, takesNothing } from './command.ts';

export const runMigrate: Command = {
  usage: [['migrate', 'bring the database to this version']],
  help: `fanfare migrate

Applies what is missing of db/migrations and installs this version's SQL functions beside those of
other versions. Forward only; running it again changes nothing.`,
  run: async (args, config) => {
    takesNothing('migrate', args);
    const database = await joinDatabase(config(), say);
    try {
      const { applied } = await migrate({ url: database.url, say });
      console.log(applied.length > 0 ? `Applied ${applied.length} migrations.` : 'Up to date.');
      return 0;
    } finally {
      await database.stop();
    }
  },
};
