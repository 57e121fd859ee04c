/**
 * SQL functions live beside the code that calls them (`*.fn.sql`), under names that end in `@v`.
 * The migrator installs them with a suffix made from all their texts, so two server versions run
 * side by side on one database, each calling its own functions.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './root.ts';

export type FunctionFile = { readonly path: string; readonly text: string };

let files: readonly FunctionFile[] | undefined;
let suffix: string | undefined;

/** All `*.fn.sql` files, in a stable order (by path). */
export function functionFiles(): readonly FunctionFile[] {
  if (!files) {
    const server = join(projectRoot, 'server');
    files = readdirSync(server, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.fn.sql'))
      .map((path) => path.replaceAll('\\', '/'))
      .sort()
      .map((path) => ({ path, text: readFileSync(join(server, path), 'utf8') }));
  }
  return files;
}

/** `_` and ten hexadecimal digits. */
export function functionSuffix(): string {
  if (!suffix) {
    const hash = createHash('sha256');
    for (const file of functionFiles()) hash.update(file.path).update('\0').update(file.text);
    suffix = `_${hash.digest('hex').slice(0, 10)}`;
  }
  return suffix;
}
