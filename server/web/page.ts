/** Small server-made pages: HTML with one stylesheet; a script only where a page brings its own. */

/** Text made safe for HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (char) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char] ?? char,
  );
}

const places = [
  ['/', 'What is on'],
  ['/docs', 'API reference'],
  ['/docs/facts', 'Facts'],
  ['/docs/problems', 'Problems'],
] as const;

export type Page = {
  readonly title: string;
  /** The address of this page, which the navigation marks; null for one that is not in it. */
  readonly current: (typeof places)[number][0] | null;
  /** HTML, as is `body`. */
  readonly head?: string;
  readonly body: string;
  /** `section` where what a script adds brings a main part of its own. */
  readonly bodyTag?: 'main' | 'section';
};

export function page({ title, current, head, body, bodyTag = 'main' }: Page): string {
  const links = places.map(
    ([address, name]) =>
      `<a href="${address}"${address === current ? ' aria-current="page"' : ''}>${name}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Fanfare</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/style.css">
${head ?? ''}
</head>
<body>
<header class="site">
<a class="brand" href="/">Fanfare</a>
<nav aria-label="Pages">
${links.join('\n')}
</nav>
</header>
<${bodyTag} aria-labelledby="title">
${body}
</${bodyTag}>
<footer class="site">Fanfare is free software under the Apache License 2.0.</footer>
</body>
</html>
`;
}

/** A ticket, torn off at one side. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
    '<path fill="#a3262e" d="M2 8h28v5a3 3 0 0 0 0 6v5H2v-5a3 3 0 0 0 0-6z"/>' +
    '<path stroke="#fff" stroke-width="2" stroke-dasharray="2 2" d="M12 9v14"/></svg>',
)}`;

export const stylesheet = `
:root { color-scheme: light dark; --ink: #16202b; --soft: #55636f; --line: #d8dee4;
  --paper: #fbfaf7; --mark: #fdeccb; --accent: #a3262e; --good: #1b6b3a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceae4; --soft: #a5afb8; --line: #34404b; --paper: #12181e; --mark: #4a3a12;
    --accent: #ff8f8a; --good: #74d19a; }
}
* { box-sizing: border-box; }
html { background: var(--paper); -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 3rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--accent); text-underline-offset: .18em; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
header.site { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: baseline;
  justify-content: space-between; border-bottom: 2px solid var(--ink); padding-bottom: .75rem; }
.brand { color: var(--ink); font-size: 1.35rem; font-weight: 700; letter-spacing: -.02em;
  text-decoration: none; }
header.site nav { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
header.site nav a { padding: .25rem 0; }
header.site nav [aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: 2.25rem 0 .5rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: .1rem 0; }
.lead { color: var(--soft); max-width: 42rem; margin-top: 0; }
ol.events { list-style: none; margin: 1.5rem 0; padding: 0; border-top: 1px solid var(--line); }
ol.events li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .25rem 2rem;
  padding: 1.25rem 0; border-bottom: 1px solid var(--line); }
ol.events p { margin: .15rem 0 0; }
ol.events time, .about, .facts { color: var(--soft); }
.about { max-width: 42rem; }
.status { white-space: nowrap; font-weight: 600; }
.status.on_sale { color: var(--good); }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
th, td { text-align: left; padding: .5rem 1.25rem .5rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
tr:target { background: var(--mark); }
code { font-size: .92em; }
pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid var(--line); font-size: .85rem;
  line-height: 1.45; }
summary { cursor: pointer; color: var(--accent); }
form button { font: inherit; font-weight: 600; padding: .6rem 1.25rem; min-height: 2.75rem;
  color: var(--paper); background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer; }
footer.site { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) {
  ol.events li { grid-template-columns: minmax(0, 1fr); }
  th, td { padding-right: .6rem; }
  td { overflow-wrap: anywhere; }
}
`;
