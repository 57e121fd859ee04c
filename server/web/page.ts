/** Small server-made pages: HTML with one stylesheet, no script. */

/** Text made safe for HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (char) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char] ?? char,
  );
}

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
</head>
<body>
${body}
</body>
</html>
`;
}

export const stylesheet = `
:root { color-scheme: light dark; --ink: #16202b; --soft: #55636f; --line: #d8dee4;
  --paper: #fbfaf7; --accent: #a3262e; --good: #1b6b3a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceae4; --soft: #a5afb8; --line: #34404b; --paper: #12181e; --accent: #ff8f8a;
    --good: #74d19a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
a { color: var(--accent); text-underline-offset: .18em; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: baseline;
  justify-content: space-between; border-bottom: 2px solid var(--ink); padding-bottom: .75rem; }
h1 { font-size: 1.9rem; letter-spacing: -.02em; margin: 0; }
h2 { font-size: 1.2rem; margin: 0; }
header nav a { margin-left: 1.25rem; }
.lead { color: var(--soft); max-width: 42rem; }
ol.events { list-style: none; margin: 1.5rem 0; padding: 0; }
ol.events li { display: grid; grid-template-columns: 9rem 1fr auto; gap: .25rem 1.5rem;
  padding: 1.1rem 0; border-bottom: 1px solid var(--line); align-items: start; }
ol.events time { font-variant-numeric: tabular-nums; color: var(--soft); }
ol.events p { margin: .2rem 0 0; color: var(--soft); }
.status { white-space: nowrap; font-weight: 600; }
.status.on_sale { color: var(--good); }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
code { font-size: .92em; }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) { ol.events li { grid-template-columns: 1fr; } }
`;
