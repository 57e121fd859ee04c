import { describeConfig } from '../kernel/config.ts';
import { type Command, takesNothing } from './command.ts';

export const runConfig: Command = {
  usage: [['config', 'check the settings and show those in force']],
  help: `fanfare config

Prints every setting (an environment variable), its value in force and what it is for. Secrets are
hidden. Exits with 1, and a table of what is wrong, where a setting is not valid.`,
  run: async (args, config) => {
    takesNothing('config', args);
    for (const line of describeConfig(config())) console.log(line);
    return 0;
  },
};
