/**
 * Of what the compiler has written for the server, and of those packages that come in as many small
 * modules, a few files: a start finds, reads and links one instead of eight hundred. Other packages
 * stay what they are, and where they are: they look for files beside them.
 * docs/decisions/0018-a-bundle-to-start-from.md
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './setup.mjs';

const INSIDE = new Set(['stripe', 'zod', 'temporal-polyfill', 'temporal-utils']);
const KEPT_MS = 30 * 86_400_000;
const compiled = (...path) => join(root, 'dist', 'server', ...path);
const isPath = (id) => id.startsWith('.') || id.startsWith(root);
const packageOf = (id) => /^(@[^/]+\/)?[^/]+/.exec(id)?.[0];

const bundle = await rolldown({
  input: {
    main: compiled('cli', 'main.js'),
    // A thread of its own begins there; it is looked for beside whoever starts it.
    'print-thread': compiled('modules', 'papers', 'print-thread.js'),
  },
  platform: 'node',
  external: (id) => !isPath(id) && !INSIDE.has(packageOf(id)),
});
const dir = join(root, 'dist', 'bundle');
const { output } = await bundle.write({ dir, format: 'esm' });

// A server that runs from the files before may still load some of them: only old ones go.
const written = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(dir).filter((each) => !written.has(each))) {
  const path = join(dir, name);
  if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path);
}
