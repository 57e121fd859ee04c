/** The page around swagger-ui: its frame, what it changes of its looks, dark mode. */
import { page } from './page.ts';

const STATIC = '/docs/static';

export const docsPage: string = page({
  title: 'API reference',
  current: '/docs',
  bodyTag: 'section',
  head: `<link rel="stylesheet" href="${STATIC}/swagger-ui.css">
<link rel="stylesheet" href="${STATIC}/theme/fanfare.css">
<script src="${STATIC}/swagger-ui-bundle.js" defer></script>
<script src="${STATIC}/swagger-ui-standalone-preset.js" defer></script>
<script src="${STATIC}/theme/fanfare.js" defer></script>
<script src="${STATIC}/swagger-initializer.js" defer></script>`,
  body: `<h1 id="title">API reference</h1>
<p class="lead">Every call can be tried out on this page; <em>Authorize</em> takes a key. The
document itself is at <a href="/openapi.json">/openapi.json</a>, for OpenAPI tools.</p>
<div id="swagger-ui"></div>
<noscript><p>This page needs JavaScript. <a href="/openapi.json">The document itself</a> does
not.</p></noscript>`,
});

/**
 * Follows the system's choice of colours, for swagger-ui knows only its own switch, which is not
 * shown here; and says what swagger-ui leaves unsaid: what a list is for, that code scrolls.
 */
export const docsScript = `
const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

const describe = () => {
  for (const list of document.querySelectorAll('#swagger-ui select:not([aria-label])')) {
    const row = list.closest('[data-param-name]');
    list.setAttribute('aria-label', row ? row.dataset.paramName : 'Choose one');
  }
  for (const code of document.querySelectorAll('#swagger-ui pre:not([tabindex])')) {
    code.tabIndex = 0;
  }
};
new MutationObserver(describe).observe(document.getElementById('swagger-ui'), {
  childList: true, subtree: true,
});
`;

export const docsStyle = `
html.dark-mode { background: var(--paper); }
html .swagger-ui, html.dark-mode .swagger-ui { background: none; color: var(--ink); }
.swagger-ui .wrapper, .swagger-ui .scheme-container .schemes { padding: 0; max-width: none; }
.swagger-ui .info { margin: 0 0 1rem; }
.swagger-ui .info hgroup, .swagger-ui .info__license,
.swagger-ui .scheme-container .schemes > .schemes-server-container {
  display: none; }
html .swagger-ui .scheme-container, html.dark-mode .swagger-ui .scheme-container {
  background: none; box-shadow: none; margin: 0; padding: 0; }
html:not(.dark-mode) .swagger-ui { --get: #1f62ad; --post: #1c7a4c; --put: #9a5b00;
  --delete: #b3261e; }
html:not(.dark-mode) .swagger-ui .opblock-get .opblock-summary-method { background: var(--get); }
html:not(.dark-mode) .swagger-ui .opblock-post .opblock-summary-method { background: var(--post); }
html:not(.dark-mode) .swagger-ui .opblock-put .opblock-summary-method { background: var(--put); }
html:not(.dark-mode) .swagger-ui .opblock-delete .opblock-summary-method {
  background: var(--delete); }
.swagger-ui a, .swagger-ui .info a { color: var(--accent); }
.swagger-ui .parameter__in, .swagger-ui .json-schema-2020-12-expand-deep-button {
  color: var(--soft); }
.swagger-ui table.headers td.header-col { color: var(--ink); }
.swagger-ui .btn.execute { background: #1f62ad; border-color: #1f62ad; color: #fff; }
.swagger-ui .btn.try-out__btn.cancel { border-color: var(--accent); color: var(--accent); }
html:not(.dark-mode) .swagger-ui .btn.authorize { border-color: var(--post); color: var(--post); }
html:not(.dark-mode) .swagger-ui .btn.authorize svg { fill: var(--post); }
`;
