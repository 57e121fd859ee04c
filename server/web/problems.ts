import { commonRefusals } from '../kernel/problem.ts';
import type { Route } from '../kernel/route.ts';
import { escapeHtml, page } from './page.ts';

/** Codes that the server itself gives, before any route is reached. */
const serverCodes = {
  unauthenticated: { status: 401, title: 'Not signed in' },
  forbidden: { status: 403, title: 'This key may not do that' },
  method_not_allowed: { status: 405, title: 'This method is not possible here' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  malformed_json: { status: 400, title: 'The body is not acceptable JSON' },
  malformed_request: { status: 400, title: 'The request is malformed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The database cannot be reached at the moment' },
};

/** Every code that the API answers with, in one table. */
export function problemsPage(routes: readonly Route[]): string {
  const codes = new Map<string, { status: number; title: string }>();
  const tables = [serverCodes, commonRefusals, ...routes.map((route) => route.refusals)];
  for (const table of tables) {
    for (const [code, entry] of Object.entries(table)) codes.set(code, entry);
  }
  const lines = [...codes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { status, title }]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td>` +
        `<td>${escapeHtml(title)}</td></tr>`,
    )
    .join('\n');
  return page(
    'Problems · Fanfare',
    `<header><h1>Problems</h1><nav><a href="/docs">API reference</a></nav></header>
<p class="lead">Every error is <code>application/problem+json</code> (RFC 9457) with one of these
stable codes. Tell them apart by <code>code</code>, not by their text.</p>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th>
</tr></thead><tbody>
${lines}
</tbody></table>`,
  );
}
