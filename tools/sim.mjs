/** `npm run sim -- …`: builds, then runs the seeded simulation of test/simulation. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, NotReady, root } from './setup.mjs';

try {
  await ensureReady({ needDev: true });
} catch (error) {
  if (!(error instanceof NotReady)) throw error;
  console.error(error.message);
  process.exit(1);
}
const built = join(root, 'dist', 'test', 'simulation', 'main.js');
if (!existsSync(built)) throw new Error(`${built} was not built`);
const { main } = await import(pathToFileURL(built).href);
process.exitCode = await main(process.argv.slice(2), (line) => console.log(line));
