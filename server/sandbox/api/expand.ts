/** `expand[]=latest_charge`: replaces ids by their objects, along a dotted path. */
import { ok } from '../../kernel/result.ts';
import type { ObjectType } from '../objects.ts';
import { find } from '../store.ts';
import type { Call, Outcome } from '../world.ts';
import { invalid } from './errors.ts';

const expandable: ReadonlyMap<string, ObjectType | 'source'> = new Map([
  ['balance_transaction', 'balance_transaction'],
  ['charge', 'charge'],
  ['dispute', 'dispute'],
  ['latest_charge', 'charge'],
  ['payment_intent', 'payment_intent'],
  ['payment_method', 'payment_method'],
  ['source', 'source'],
]);

/** What a balance transaction is about, by its id. */
const sources: ReadonlyMap<string, ObjectType> = new Map([
  ['ch', 'charge'],
  ['du', 'dispute'],
  ['re', 'refund'],
]);

export async function expand(
  call: Call,
  body: object,
  paths: readonly string[],
): Promise<Outcome<object>> {
  let expanded = body;
  for (const path of paths) {
    const result = await along(call, expanded, path.split('.'), path);
    if (!result.ok) return result;
    expanded = result.value;
  }
  return ok(expanded);
}

async function along(
  call: Call,
  body: object,
  path: readonly string[],
  whole: string,
): Promise<Outcome<object>> {
  const [name, ...rest] = path;
  if (name === undefined) return ok(body);
  const there: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  if (Array.isArray(there) && name === 'data') {
    const items: object[] = [];
    // Lists of the API hold objects.
    for (const item of there as readonly object[]) {
      const result = await along(call, item, rest, whole);
      if (!result.ok) return result;
      items.push(result.value);
    }
    return ok({ ...body, data: items });
  }
  const type = expandable.get(name);
  if (!type || there === undefined) {
    return invalid(`This property cannot be expanded (${whole}).`, { param: 'expand' });
  }
  if (there === null) return ok(body);
  const object = typeof there === 'string' ? await named(call, type, there) : there;
  if (typeof object !== 'object' || object === null) return ok(body);
  const result = await along(call, object, rest, whole);
  return result.ok ? ok({ ...body, [name]: result.value }) : result;
}

async function named(
  call: Call,
  type: ObjectType | 'source',
  id: string,
): Promise<object | undefined> {
  const known = type === 'source' ? sources.get(id.split('_')[0] ?? '') : type;
  return known === undefined ? undefined : (await find(call, known, id))?.data;
}
