/**
 * Reads a form-encoded body or query in Stripe's notation: `a[b]=1`, `a[0][b]=1`, `a[]=1`. Strict:
 * a malformed escape, a key given twice, a name that is a value and a group at once, too many
 * fields or too deep a nesting is refused. A list stays a group whose names are indexes, because
 * only the schema knows whether `metadata[0]` is a list (params.ts).
 */
import { ok, type Refused, type Result } from '../../kernel/result.ts';

export type Form = { readonly [name: string]: string | Form };
type Writable = { [name: string]: string | Writable };

const MAX_FIELDS = 500;
const MAX_DEPTH = 6;
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

export type FormRefusal = { readonly code: 'malformed'; readonly detail: string };

function malformed(detail: string): Refused<FormRefusal> {
  return { ok: false, refusal: { code: 'malformed', detail } };
}

export function parseForm(text: string): Result<Form, FormRefusal> {
  const root = group();
  const pairs = text === '' ? [] : text.split('&');
  if (pairs.length > MAX_FIELDS) return malformed(`More than ${MAX_FIELDS} parameters.`);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === null || value === null) return malformed('A percent escape is not valid UTF-8.');
    // PostgreSQL stores no null character in text.
    if (name.includes('\0') || value.includes('\0')) return malformed('A null character.');
    const path = pathOf(name);
    if (!path) return malformed(`Invalid parameter name: ${name}`);
    if (path.length > MAX_DEPTH) return malformed(`Parameter nested too deeply: ${name}`);
    const wrong = put(root, path, value);
    if (wrong) return malformed(`${wrong}: ${name}`);
  }
  return ok(root);
}

/** Without a prototype: a parameter may be called `constructor`. */
function group(): Writable {
  // An empty object, whose members are all written by `put`.
  return Object.create(null) as Writable;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

/** `a[b][]` is the path a, b, ''. */
function pathOf(name: string): readonly string[] | null {
  const match = NAME.exec(name);
  if (!match) return null;
  const [, first = '', rest = ''] = match;
  const path = [first, ...[...rest.matchAll(/\[([^\]]*)\]/g)].map(([, part = '']) => part)];
  return path.includes('__proto__') ? null : path;
}

function put(root: Writable, path: readonly string[], value: string): string | null {
  let at = root;
  for (const [depth, part] of path.entries()) {
    const name = part === '' ? String(Object.keys(at).length) : part;
    const there = at[name];
    if (depth === path.length - 1) {
      if (there !== undefined) return 'Parameter given twice';
      at[name] = value;
      return null;
    }
    if (typeof there === 'string') return 'Parameter is both a value and a group';
    const next = there ?? group();
    at[name] = next;
    at = next;
  }
  return null;
}
