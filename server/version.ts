import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './kernel/root.ts';

// The shape of our own package.json.
const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** This program's version, as package.json says. */
export const VERSION = manifest.version;
