/** What OpenAPI 3.1 lets a document of ours contain, and ways to walk through one. */
import { z } from 'zod';

const ref = z.strictObject({ $ref: z.string().startsWith('#/components/') });
const text = z.string().min(1);
const byName = <T extends z.ZodType>(value: T) => z.record(z.string().regex(/^[\w.-]+$/), value);

/** JSON Schema 2020-12, the keywords that zod writes; `properties` and the like are schemas. */
const schema: z.ZodType = z.lazy(() =>
  z.union([
    ref.extend({ description: text.optional(), default: z.unknown().optional() }),
    z.strictObject({
      type: z.union([jsonType, z.array(jsonType)]).optional(),
      format: z.enum(['date-time', 'email', 'uri']).optional(),
      pattern: text.refine((pattern) => new RegExp(pattern, 'u')).optional(),
      minLength: z.int().min(0).optional(),
      maxLength: z.int().min(0).optional(),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      minItems: z.int().min(0).optional(),
      maxItems: z.int().min(0).optional(),
      enum: z.array(z.string()).min(1).optional(),
      const: z.unknown().optional(),
      default: z.unknown().optional(),
      examples: z.array(z.unknown()).min(1).optional(),
      description: text.optional(),
      properties: z.record(z.string(), schema).optional(),
      required: z.array(text).optional(),
      items: schema.optional(),
      propertyNames: schema.optional(),
      additionalProperties: z.union([z.boolean(), schema]).optional(),
      anyOf: z.array(schema).min(2).optional(),
    }),
  ]),
);
const jsonType = z.enum(['string', 'integer', 'number', 'boolean', 'object', 'array', 'null']);

const header = z.union([ref, z.strictObject({ description: text, schema })]);
const media = z.strictObject({
  schema,
  example: z.unknown().optional(),
  examples: byName(ref).optional(),
});
const answer = z.strictObject({
  description: text,
  headers: z.record(text, header).optional(),
  content: z.record(text, media).optional(),
});
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z][A-Za-z0-9]+$/),
  tags: z.array(text).length(1),
  summary: text,
  description: text.optional(),
  security: z.array(z.partialRecord(z.enum(['key', 'access', 'link']), z.array(text))),
  parameters: z
    .array(
      z.strictObject({
        name: text,
        in: z.enum(['path', 'query', 'header']),
        required: z.boolean(),
        description: text.optional(),
        schema,
      }),
    )
    .optional(),
  requestBody: z.strictObject({ required: z.boolean(), content: z.record(text, media) }).optional(),
  responses: z.record(z.string().regex(/^[2-5]\d\d$/), z.union([ref, answer])),
});

export const openApiShape = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.strictObject({
    title: text,
    version: text,
    description: text,
    license: z.strictObject({ name: text, identifier: text }),
  }),
  servers: z.array(z.strictObject({ url: text })).min(1),
  tags: z.array(z.strictObject({ name: text, description: text })),
  paths: z.record(
    z.string().startsWith('/'),
    z.partialRecord(z.enum(['get', 'post', 'put', 'delete']), operation),
  ),
  components: z.strictObject({
    schemas: byName(schema),
    responses: byName(answer),
    headers: byName(header),
    examples: byName(z.strictObject({ summary: text, value: z.unknown() })),
    securitySchemes: byName(
      z.union([
        z.strictObject({ type: z.literal('http'), scheme: z.literal('bearer'), description: text }),
        z.strictObject({
          type: z.literal('apiKey'),
          in: z.literal('query'),
          name: text,
          description: text,
        }),
      ]),
    ),
  }),
});

type Json = Readonly<Record<string, unknown>>;

/** Every object in it, with its place; what stands in examples is no part of the document. */
export function* objectsIn(value: unknown, at = '#'): Generator<readonly [string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  // An object or an array, both of which have entries.
  if (!Array.isArray(value)) yield [at, value as Json];
  for (const [key, member] of Object.entries(value)) {
    if (!/^(example|value|examples)$/.test(key)) yield* objectsIn(member, `${at}/${key}`);
  }
}

export function pointersIn(document: unknown): readonly string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to ?? '');
}

export function resolve(document: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document);
}

/** `METHOD /path` of each line of the router's own drawing of itself; HEAD goes with GET. */
export function addressesIn(tree: string): string[] {
  const path: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, branch = '', part = '', methods = ''] =
      /^([\s│├└─]*)(\S.*?) \(([A-Z, ]+)\)/u.exec(line) ?? [];
    if (!part) return [];
    const depth = branch.length / 4 - 1;
    path.splice(depth, path.length, part);
    const address = path.join('');
    return methods
      .split(', ')
      .filter((method) => method !== 'HEAD')
      .map((method) => `${method} ${address}`);
  });
}
