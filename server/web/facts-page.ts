/** `/docs/facts`: what each fact says, and what it looks like. */
import { type FactDefinitions, topicNames, topics } from '../kernel/facts.ts';
import { exampleOf, factSchema } from './asyncapi.ts';
import { escapeHtml, page } from './page.ts';

export function factsPage(facts: FactDefinitions): string {
  const sections = topicNames.map((name) => {
    const own = Object.entries(facts).filter(([, { topic }]) => topic === name);
    const entries = own.map(
      ([kind, fact]) => `<h3 id="${escapeHtml(kind)}"><code>${escapeHtml(kind)}</code></h3>
<p>${escapeHtml(fact.says)} Version ${fact.version}.</p>
<pre>${escapeHtml(JSON.stringify(exampleOf(kind, fact), null, 2))}</pre>
<details><summary>JSON Schema</summary>
<pre>${escapeHtml(JSON.stringify(factSchema(kind, fact), null, 2))}</pre></details>`,
    );
    const none = '<p>No fact is published here yet.</p>';
    return `<h2 id="${name}"><code>${name}</code></h2>
<p>${escapeHtml(topics[name])}.</p>
${entries.length > 0 ? entries.join('\n') : none}`;
  });
  return page({
    title: 'Facts',
    current: '/docs/facts',
    body: `<h1 id="title">Facts</h1>
<p class="lead">What happened, in the order in which it happened to an event. Each is published at least once;
<code>id</code> names it for good. They carry ids, and nothing about people. The same as an
<a href="/asyncapi.json">AsyncAPI document</a>.</p>
${sections.join('\n')}`,
  });
}
