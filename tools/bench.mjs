/** `npm run bench [-- NAME…]`: builds, then runs the named benchmarks of bench/, or all. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, NotReady, root } from './setup.mjs';

const folder = join(root, 'bench');
// A benchmark ends in -table; the files beside it are its parts.
const known = readdirSync(folder)
  .filter((name) => name.endsWith('-table.ts'))
  .map((name) => name.replace(/\.ts$/, ''));
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !known.includes(name));
if (unknown) {
  console.error(`There is no benchmark ${unknown}; there are: ${known.join(', ')}.`);
  process.exit(2);
}
try {
  await ensureReady({ needDev: true });
} catch (error) {
  if (!(error instanceof NotReady)) throw error;
  console.error(error.message);
  process.exit(1);
}
for (const name of wanted.length > 0 ? wanted : known) {
  const built = join(root, 'dist', 'bench', `${name}.js`);
  if (!existsSync(built)) throw new Error(`${built} was not built`);
  const { main } = await import(pathToFileURL(built).href);
  await main();
}
