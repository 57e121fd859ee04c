/**
 * Writes what is made from the OpenAPI document and kept in the tree: `docs/postman.json` and
 * `docs/walkthrough.sh`. A test compares them with what this makes, so after a change of a route:
 *
 *   npx tsc -p tsconfig.build.json && node dist/tools/gen-api-collection.js
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BASE_PATH, routes } from '../server/app.ts';
import { testClock } from '../server/kernel/clock.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { clockRoutes } from '../server/sandbox/clock.ts';
import { openApiDocument } from '../server/web/openapi.ts';
import { postmanCollection } from './gen-postman.ts';
import { walkthrough } from './gen-walkthrough.ts';

/** The files by their place in the tree. */
export function apiCollection(): Readonly<Record<string, string>> {
  const document = openApiDocument([...routes, ...clockRoutes(testClock(), () => 0)], BASE_PATH);
  return {
    'docs/postman.json': `${JSON.stringify(postmanCollection(document), null, 2)}\n`,
    'docs/walkthrough.sh': walkthrough(document),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [path, text] of Object.entries(apiCollection())) {
    writeFileSync(join(projectRoot, path), text);
    if (path.endsWith('.sh')) chmodSync(join(projectRoot, path), 0o755);
    console.log(path);
  }
}
