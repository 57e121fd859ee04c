/**
 * `npm run bench [-- NAME… [--OPTION…]]`: builds, then runs the named benchmarks of bench/, or all.
 * Options are the benchmark's own, so they need one name; `-table` may be left out of it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, NotReady, root } from './setup.mjs';

const folder = join(root, 'bench');
// A benchmark ends in -table; the files beside it are its parts.
const known = readdirSync(folder)
  .filter((name) => name.endsWith('-table.ts'))
  .map((name) => name.replace(/\.ts$/, ''));
const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith('--'));
const named = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const wanted = named.map((name) => (known.includes(name) ? name : `${name}-table`));
const unknown = wanted.find((name) => !known.includes(name));
if (unknown) {
  const names = known.join(', ');
  console.error(`There is no benchmark ${unknown.replace(/-table$/, '')}; there are: ${names}.`);
  process.exit(2);
}
if (options.length > 0 && wanted.length !== 1) {
  console.error(`Options are those of one benchmark: name it before ${options[0]}.`);
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
  const exitCode = (await main(options)) ?? 0;
  if (exitCode !== 0) process.exitCode = exitCode;
}
