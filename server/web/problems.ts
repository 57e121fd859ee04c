import type { Route } from '../kernel/route.ts';
import { escapeHtml, page } from './page.ts';
import { allProblemCodes } from './problem-codes.ts';

/** Every code that the API answers with, in one table; a problem's `type` leads to its line. */
export function problemsPage(routes: readonly Route[]): string {
  const lines = [...allProblemCodes(routes)].map(
    ([code, { status, title }]) =>
      // Long codes may break after a word, so that the table fits a phone.
      `<tr id="${code}"><td><code>${code.replaceAll('_', '_<wbr>')}</code></td>` +
      `<td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return page({
    title: 'Problems',
    current: '/docs/problems',
    body: `<h1 id="title">Problems</h1>
<p class="lead">Every error is <code>application/problem+json</code> (RFC 9457) with one of these
stable codes. Tell them apart by <code>code</code>, not by their text.</p>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th>
</tr></thead><tbody>
${lines.join('\n')}
</tbody></table>`,
  });
}
