import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json: the same from sources and from `dist/`. */
export const projectRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  if (existsSync(join(from, 'db', 'migrations')) && existsSync(join(from, 'package.json'))) {
    return from;
  }
  const parent = dirname(from);
  if (parent === from) throw new Error('the folder db/migrations is missing beside the program');
  return findRoot(parent);
}
