/** What is made from the OpenAPI document and kept in the tree: up to date, and it works. */
import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../server/kernel/root.ts';
import type { OpenApi } from '../../server/web/openapi.ts';
import { apiCollection } from '../../tools/gen-api-collection.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { applies } from '../kit/requires.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const inTree = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

describe('the files in the tree', () => {
  it.each(Object.entries(apiCollection()))('%s is what the routes make', (path, text) => {
    const how = 'run: npx tsc -p tsconfig.build.json && node dist/tools/gen-api-collection.js';
    expect(inTree(path) === text, how).toBe(true);
  });

  it('include a script that can be run', () => {
    expect(statSync(join(projectRoot, 'docs/walkthrough.sh')).mode & 0o111).toBe(0o111);
  });
});

const hasPrograms = ['bash', 'curl'].every(
  (program) => spawnSync(program, ['--version']).status === 0,
);

describe.skipIf(!applies(hasPrograms, 'no bash or curl: install them'))('the walk-through', () => {
  const walk = (key: string) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], BASE: app.origin, KEY: key };
      execFile('bash', ['docs/walkthrough.sh'], { cwd: projectRoot, env }, (error, out, err) => {
        resolve({ code: error ? Number(error.code) : 0, out, err });
      });
    });

  it('ends well, twice', async () => {
    for (let round = 0; round < 2; round++) {
      const { code, out, err } = await walk(ADMIN_KEY);
      expect(err).toBe('');
      expect(out.trimEnd().split('\n').at(-1)).toBe('The walk-through ended well.');
      expect(code).toBe(0);
      expect(out.match(/^== /gm)?.length).toBeGreaterThan(10);
    }
  });

  it('stops where something is not as it should be', async () => {
    const { code, err } = await walk('fk_00000000000000000000000000000000');
    expect(code).toBe(1);
    expect(err).toContain('expected 200');
    expect(err).toContain('unauthenticated');
  });
});

type Item = {
  readonly name: string;
  readonly event?: readonly { readonly script: { readonly exec: readonly string[] } }[];
  readonly request: {
    readonly method: string;
    readonly auth?: { readonly type: string };
    readonly header: readonly { readonly key: string; readonly value: string }[];
    readonly url: {
      readonly raw: string;
      readonly variable?: readonly { readonly key: string; readonly value: string }[];
    };
    readonly body?: { readonly raw: string };
  };
};
type Collection = {
  readonly info: { readonly schema: string };
  readonly variable: readonly { readonly key: string; readonly value: string }[];
  readonly item: readonly { readonly name: string; readonly item: readonly Item[] }[];
};

/** As Postman does: variables put in, request sent, scripts run on the answer. */
async function send(item: Item, variables: Map<string, string>) {
  const fill = (text: string): string =>
    text.replace(/\{\{(\$?\w+)\}\}/g, (_, name: string) =>
      name === '$guid' ? randomUUID() : (variables.get(name) ?? `no-${name}`),
    );
  const { method, url, header, body, auth } = item.request;
  const address = (url.variable ?? []).reduce(
    (at, { key, value }) => at.replace(`:${key}`, fill(value)),
    fill(url.raw),
  );
  const response = await fetch(address, {
    method,
    headers: {
      ...(auth?.type === 'noauth' ? {} : { authorization: `Bearer ${variables.get('key')}` }),
      ...Object.fromEntries(header.map(({ key, value }) => [key, fill(value)])),
    },
    ...(body ? { body: fill(body.raw) } : {}),
  });
  const text = await response.text();
  const collectionVariables = { set: (name: string, value: string) => variables.set(name, value) };
  const pm = {
    response: { code: response.status, json: () => JSON.parse(text) },
    collectionVariables,
  };
  for (const { script } of item.event ?? []) runInNewContext(script.exec.join('\n'), { pm });
  return { status: response.status, text };
}

describe('the Postman collection', () => {
  const collection: Collection = JSON.parse(inTree('docs/postman.json'));
  const items = collection.item.flatMap(({ item }) => item);

  it('has every operation that a client can send, once', async () => {
    const document: OpenApi = (await app.guest.get('//openapi.json')).body;
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { security }]) => security.length > 0)
        .map(([method]) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const requests = items.map(
      ({ request }) => `${request.method} ${request.url.raw.replace('{{baseUrl}}', '')}`,
    );
    expect(requests.sort()).toEqual(operations.sort());
    expect(collection.info.schema).toContain('/v2.1.0/');
  });

  it('uses no variable that it does not have', () => {
    const known = new Set([...collection.variable.map(({ key }) => key), '$guid']);
    const text = JSON.stringify(collection);
    const used = [...text.matchAll(/\{\{(\$?\w+)\}\}/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
    const given = [...text.matchAll(/collectionVariables\.set\('(\w+)'/g)].map(([, name]) => name);
    expect(new Set([...given, 'baseUrl', 'key', '$guid'])).toEqual(known);
  });

  it('works from the making of an event to the refund, each answer feeding the next', async () => {
    const variables = new Map([
      ['baseUrl', app.origin],
      ['key', ADMIN_KEY],
    ]);
    const titles = [
      'Create an event',
      'Read an event',
      'Add a pool that ticket types may share',
      'What is available now',
      'Hold places',
      'Read a hold',
      'Change what is held',
      'Book: hold, order and payment in one call',
      'Read an order',
      'Cancel an order',
      'Add a person',
      'Read a person',
      'Make an API key',
      'Revoke an API key',
      'How an event sells',
      'Cancel an event and give its buyers a remedy',
    ];
    for (const title of titles) {
      const item = items.find(({ name }) => name === title);
      if (!item) throw new Error(`the collection has no request ${title}`);
      const { status, text } = await send(item, variables);
      expect(status, `${title}: ${text}`).toBeLessThan(300);
    }
    expect([...variables.keys()]).toEqual(expect.arrayContaining(['orderId', 'accessToken']));
  });
});
