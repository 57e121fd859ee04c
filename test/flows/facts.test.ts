/** What is announced, as readers find it documented. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { facts } from '../../server/facts/index.ts';
import { topics } from '../../server/kernel/facts.ts';
import { functionFiles } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const PERSONAL = /name|mail|phone|address|person|user/i;

describe('D7 facts', () => {
  it('have an example of their shape, a sentence, and nothing about people', () => {
    for (const [kind, { says, data, example, topic }] of Object.entries(facts)) {
      expect({ kind, ok: data.safeParse(example).success }).toEqual({ kind, ok: true });
      expect(says).toMatch(/^[A-Z].*\.$/);
      expect(Object.keys(data.shape).filter((name) => PERSONAL.test(name))).toEqual([]);
      expect(topics).toHaveProperty(topic);
    }
  });

  it('are listed, all that SQL functions write', () => {
    const written = functionFiles().flatMap(({ text }) =>
      [...text.matchAll(/into kernel\.outbox[^;]*?'([a-z]+_[a-z_]*[a-z])'/g)].map(
        ([, kind]) => kind ?? '',
      ),
    );
    expect(written.length).toBeGreaterThan(10);
    expect(written.filter((kind) => !(kind in facts))).toEqual([]);
  });

  it('D13 are documented for readers: a page, and an AsyncAPI document that names them all', async () => {
    const page = await app.guest.get('//docs/facts');
    const document = (await app.guest.get('//asyncapi.json')).body;
    expect(document.asyncapi).toBe('3.0.0');
    expect(Object.keys(document.components.messages)).toEqual(Object.keys(facts));
    for (const kind of Object.keys(facts)) expect(page.body).toContain(`id="${kind}"`);
    for (const channel of Object.values(document.channels) as { messages: object }[]) {
      for (const name of Object.keys(channel.messages)) {
        expect(document.components.messages).toHaveProperty(name);
      }
    }
  });
});
