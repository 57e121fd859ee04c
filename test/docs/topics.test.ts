/** The topics that docs/messaging.md lists are those that facts are published on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ALL_FACTS } from '../../server/kernel/fact-sink.ts';
import { topicNames } from '../../server/kernel/facts.ts';
import { projectRoot } from '../../server/kernel/root.ts';

/** The first column of the table that has topics in its head. */
function listedTopics(text: string): string[] {
  const [, body = ''] = /^\| topic .*\n\|[-| ]+\|\n((?:\|.*\n)+)/m.exec(text) ?? [];
  return [...body.matchAll(/^\| *`(\w+)` *\|/gm)].map(([, name = '']) => name);
}

it('D7 every topic has its row, and no other has one', () => {
  const text = readFileSync(join(projectRoot, 'docs/messaging.md'), 'utf8');
  expect(listedTopics(text).toSorted()).toEqual([...topicNames, ALL_FACTS].toSorted());
  const planted = '| topic | facts |\n| ----- | ----- |\n| `orders` | some |\n| none |\n';
  expect(listedTopics(planted)).toEqual(['orders']);
});
