/** What one operation takes and who may call it. */
import type { z } from 'zod';
import type { Route } from '../kernel/route.ts';
import type { Body, JsonSchema, Operation, Parameter, SchemaOf } from './openapi-types.ts';

export function operationOf(
  route: Route,
  schemaOf: SchemaOf,
): Omit<Operation, 'operationId' | 'responses'> {
  const parameters = [
    ...fieldsOf(route.params, 'path', schemaOf),
    ...fieldsOf(route.query, 'query', schemaOf),
    ...headersOf(route),
  ];
  const description = [route.description, needsOf(route)].filter(Boolean).join('\n\n');
  return {
    tags: [route.tag],
    summary: route.summary,
    ...(description ? { description } : {}),
    security: securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: bodyOf(route.body, route, schemaOf) } : {}),
  };
}

/**
 * `GET /api/v1/events/{id}/holds` is `getEventsByIdHolds`: stable while the address is. An address
 * that exists inside and outside the base path keeps its whole path inside.
 */
export function operationIdOf(
  method: Route['method'],
  path: string,
  basePath: string,
  taken: Set<string>,
): string {
  const named = (address: string) => method.toLowerCase() + inCapitals(address);
  const short = named(path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path);
  const id = taken.has(short) ? named(path) : short;
  taken.add(id);
  return id;
}

function inCapitals(path: string): string {
  return path
    .replace(/\{([A-Za-z]+)\}/g, 'by-$1')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}

function fieldsOf(
  schema: z.ZodType | undefined,
  place: 'path' | 'query',
  schemaOf: SchemaOf,
): Parameter[] {
  if (!schema) return [];
  // Parameters are declared as one object schema per place.
  const json = schemaOf(schema, 'input') as {
    properties?: Record<string, JsonSchema & { description?: string }>;
    required?: string[];
  };
  return Object.entries(json.properties ?? {}).map(([name, { description, ...field }]) => ({
    name,
    in: place,
    required: place === 'path' || (json.required ?? []).includes(name),
    ...(description ? { description } : {}),
    schema: field,
  }));
}

function headersOf(route: Route): Parameter[] {
  const found: Parameter[] = [];
  const header = (name: string, required: boolean, description: string, schema: JsonSchema) =>
    found.push({ name, in: 'header', required, description, schema });
  if (route.idempotency !== 'none') {
    const isRequired =
      route.idempotency === 'required' || 'idempotency_key_required' in route.refusals;
    header(
      'Idempotency-Key',
      isRequired,
      'Your name for this request: a repetition gets the first answer again.',
      { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
    );
  }
  if (route.idempotency !== 'none' && route.access.kind === 'public') {
    header(
      'X-Device-Token',
      false,
      'A secret of your device, by which an anonymous buyer is known again.',
      { type: 'string', minLength: 16, maxLength: 128, pattern: '^[A-Za-z0-9_-]+$' },
    );
  }
  if (route.access.kind === 'signed') {
    header('Stripe-Signature', true, 'Time and HMAC of the body.', { type: 'string' });
  }
  return found;
}

function bodyOf(schema: z.ZodType, route: Route, schemaOf: SchemaOf): Body {
  const example = route.example?.body;
  return {
    required: !schema.safeParse(undefined).success,
    content: {
      'application/json': {
        schema: schemaOf(schema, 'input'),
        ...(example === undefined ? {} : { example }),
      },
    },
  };
}

function needsOf(route: Route): string {
  const { access } = route;
  switch (access.kind) {
    case 'public':
    case 'signed':
      return '';
    case 'scope':
      return `Needs a key with the scope \`${access.scope}\`.`;
    case 'owner':
      return `For whom it belongs to, or a key with the scope \`${access.scope}\`.`;
    case 'platform':
      return `Needs a key of the platform with the scope \`${access.scope}\`.`;
  }
}

/** A list is "any of these"; the empty object is "no credential". */
function securityOf(route: Route): Operation['security'] {
  const { access } = route;
  switch (access.kind) {
    case 'public':
      return [{}, { key: [] }, { access: [] }];
    case 'signed':
      return [];
    case 'scope':
    case 'platform':
      return [{ key: [access.scope] }];
    case 'owner':
      return [{ key: [access.scope] }, { access: [] }, { link: [] }];
  }
}
