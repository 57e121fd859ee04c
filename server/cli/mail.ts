import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Preview, previews } from '../modules/notifications/index.ts';
import { type Command, UsageError } from './command.ts';

const options = { out: { type: 'string', default: 'mail-preview' } } as const;

export const runMail: Command = {
  usage: [['mail preview [LETTER]', 'write every letter with example data, to look at']],
  help: `fanfare mail preview [LETTER] [--out FOLDER]

Writes each letter, or the one named, in each language, as HTML and as text, with data of nobody,
and a page that links to them. Sends nothing and needs no database.

  --out FOLDER  where to (default: mail-preview)`,
  run: async (args) => {
    const { what, letter, out } = readArgs(args);
    if (what !== 'preview') throw new UsageError('fanfare mail preview [LETTER] [--out FOLDER]');
    const found = previews(letter);
    if (found.length === 0) {
      const known = [...new Set(previews().map(({ kind }) => kind))].join(', ');
      throw new UsageError(`There is no letter ${letter}. There are: ${known}`);
    }
    await mkdir(out, { recursive: true });
    for (const preview of found) await write(out, preview);
    const links = found.map(
      ({ kind, language }) =>
        `<li><a href="${nameOf(kind, language)}.html">${kind}, ${language}</a></li>`,
    );
    await writeFile(join(out, 'index.html'), `<!doctype html>\n<ul>\n${links.join('\n')}\n</ul>\n`);
    console.log(`${found.length} letters: ${join(out, 'index.html')}`);
    return 0;
  },
};

const nameOf = (kind: string, language: string): string => `${kind}.${language}`;

async function write(out: string, { kind, language, subject, html, text, sms }: Preview) {
  const name = join(out, nameOf(kind, language));
  const said = [`Subject: ${subject}`, '', text, ...(sms ? ['Text message:', sms, ''] : [])];
  await writeFile(`${name}.html`, html);
  await writeFile(`${name}.txt`, said.join('\n'));
}

function readArgs(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [what, letter = null, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`too many arguments: ${rest.join(' ')}`);
    return { what, letter, out: values.out };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
