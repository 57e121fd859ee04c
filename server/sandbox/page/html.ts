/** The hosted payment page as HTML: no script, no inline style, everything escaped. */
import { minorDigits } from '../api/params.ts';

type Fragment = { readonly html: string };
type Part = string | number | Fragment | null | readonly Fragment[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

function htmlOf(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'html' in part ? part.html : part.map((fragment) => fragment.html).join('');
}

/** Every value that is not a fragment itself is escaped. */
function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Fragment {
  return {
    html: strings.reduce((all, text, i) => all + htmlOf(parts[i - 1] ?? null) + text),
  };
}

export type Choice = {
  readonly action: string;
  readonly label: string;
  readonly hint: string;
  readonly look: 'main' | 'other' | 'quiet';
};

export type PageView = {
  readonly title: string;
  readonly amount: { readonly minor: number; readonly currency: string } | null;
  readonly description: string | null;
  readonly lines: readonly { readonly name: string; readonly quantity: number }[];
  readonly status: string | null;
  readonly problem: string | null;
  readonly question: string;
  readonly choices: readonly Choice[];
  readonly fields: Readonly<Record<string, string>>;
  readonly back: { readonly href: string; readonly label: string } | null;
};

export function money(minor: number, currency: string): string {
  const digits = minorDigits(currency);
  return new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(minor / 10 ** digits);
}

export function renderPage(view: PageView): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${view.title}</title>
<link rel="stylesheet" href="/sandbox/pay/page.css">
</head>
<body>
<header class="sandbox">Sandbox: no money moves here.</header>
<main>
<h1>${view.title}</h1>
${view.amount ? html`<p class="amount">${money(view.amount.minor, view.amount.currency)}</p>` : null}
${view.description === null ? null : html`<p class="description">${view.description}</p>`}
${view.lines.length === 0 ? null : html`<ul class="lines">${view.lines.map(line)}</ul>`}
${view.problem === null ? null : html`<p class="problem" role="alert">${view.problem}</p>`}
${view.status === null ? null : html`<p class="status" role="status">${view.status}</p>`}
${view.choices.length === 0 ? null : form(view)}
${view.back ? html`<p class="back"><a href="${view.back.href}">${view.back.label}</a></p>` : null}
</main>
</body>
</html>
`.html;
}

function line(item: { readonly name: string; readonly quantity: number }): Fragment {
  return html`<li><span>${item.name}</span> <span class="quantity">× ${item.quantity}</span></li>`;
}

function form(view: PageView): Fragment {
  const fields = Object.entries(view.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" aria-labelledby="question">
<h2 id="question">${view.question}</h2>
${fields}${view.choices.map(choice)}</form>`;
}

function choice({ action, label, hint, look }: Choice): Fragment {
  const id = `hint-${action}`;
  return html`<div class="choice">
<button class="${look}" name="action" value="${action}" aria-describedby="${id}">${label}</button>
<p class="hint" id="${id}">${hint}</p>
</div>
`;
}
