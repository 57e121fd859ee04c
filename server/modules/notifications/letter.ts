/** A message as blocks, from which its HTML and its text are made. Values in, text out. */
import type { Language } from '../../kernel/language.ts';

export type Block =
  | { readonly kind: 'text' | 'note'; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [string, string])[] }
  | { readonly kind: 'button'; readonly label: string; readonly href: string }
  | { readonly kind: 'code'; readonly code: string };

export type Letter = {
  readonly subject: string;
  readonly blocks: readonly Block[];
  /** The same in a text message; null where there is none. */
  readonly sms: string | null;
};

export type Footer = {
  readonly sender: string;
  readonly why: string;
  readonly optOut: { readonly label: string; readonly href: string } | null;
};

const SUBJECT_CHARS = 150;

export const text = (words: string): Block => ({ kind: 'text', text: words });
export const note = (words: string): Block => ({ kind: 'note', text: words });
export const button = (label: string, href: string): Block => ({ kind: 'button', label, href });
export const facts = (...all: readonly (readonly [string, string | null])[]): Block => ({
  kind: 'facts',
  facts: all.flatMap(([label, value]) => (value ? [[label, value] as const] : [])),
});

/** One line: a header that a name could end would be somebody else’s to write. */
export function oneLine(words: string, mostChars = SUBJECT_CHARS): string {
  const line = words
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const chars = [...line];
  return chars.length <= mostChars ? line : `${chars.slice(0, mostChars - 1).join('')}…`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(words: string): string {
  return words.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

/** Ours only: an address that leads to another scheme is no link. */
function safeHref(href: string): string {
  return /^https?:\/\//.test(href) ? escaped(href) : '#';
}

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const INK = 'color:#16202b';
const SOFT = 'color:#55636f';

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `<p style="margin:0 0 16px">${escaped(block.text)}</p>`;
    case 'note':
      return `<p style="margin:0 0 16px;font-size:14px;${SOFT}">${escaped(block.text)}</p>`;
    case 'code':
      return (
        '<p style="margin:0 0 16px;font-size:32px;font-weight:700;letter-spacing:6px">' +
        `${escaped(block.code)}</p>`
      );
    case 'button':
      return (
        `<p style="margin:8px 0 24px"><a href="${safeHref(block.href)}" target="_blank" ` +
        'style="display:inline-block;padding:12px 20px;border-radius:6px;background:#a3262e;' +
        `color:#ffffff;font-weight:600;text-decoration:none">${escaped(block.label)}</a></p>`
      );
    case 'facts':
      return (
        '<table role="presentation" style="margin:0 0 20px;border-collapse:collapse;width:100%;' +
        'table-layout:fixed">' +
        block.facts.map(factHtml).join('') +
        '</table>'
      );
  }
}

function factHtml([label, value]: readonly [string, string]): string {
  const cell =
    'padding:6px 16px 6px 0;border-top:1px solid #e2e6ea;vertical-align:top;overflow-wrap:anywhere';
  return (
    `<tr><td style="${cell};${SOFT};width:30%">${escaped(label)}</td>` +
    `<td style="${cell}">${escaped(value).replaceAll('\n', '<br>')}</td></tr>`
  );
}

export function letterHtml(letter: Letter, footer: Footer, language: Language): string {
  const subject = escaped(oneLine(letter.subject));
  const optOut = footer.optOut
    ? ` <a href="${safeHref(footer.optOut.href)}" target="_blank" style="${SOFT}">` +
      `${escaped(footer.optOut.label)}</a>`
    : '';
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${subject}</title>
</head>
<body style="margin:0;padding:24px 12px;background:#f2f3f5">
<div style="max-width:560px;margin:0 auto;padding:28px;background:#ffffff;border-radius:10px;${INK};font-size:16px;line-height:1.5;${FONT}">
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${subject}</h1>
${letter.blocks.map(blockHtml).join('\n')}
<p style="margin:24px 0 0;padding-top:16px;border-top:1px solid #e2e6ea;font-size:13px;${SOFT}">${escaped(footer.sender)}<br>${escaped(footer.why)}${optOut}</p>
</div>
</body>
</html>
`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'text':
    case 'note':
      return block.text;
    case 'code':
      return `    ${block.code}`;
    case 'button':
      return `${block.label}:\n${block.href}`;
    case 'facts':
      return block.facts
        .map(([label, value]) => `${label}: ${value.replaceAll('\n', '\n  ')}`)
        .join('\n');
  }
}

export function letterText(letter: Letter, footer: Footer): string {
  const optOut = footer.optOut ? [`${footer.optOut.label}: ${footer.optOut.href}`] : [];
  const end = ['-- ', footer.sender, footer.why, ...optOut].join('\n');
  return `${[...letter.blocks.map(blockText), end].join('\n\n')}\n`;
}
