/** What one operation answers: its success, and each problem by status. */
import type { Route } from '../kernel/route.ts';
import type { Answer, JsonSchema, Ref, SchemaOf } from './openapi-types.ts';
import type { ProblemCode } from './problem-codes.ts';

const requestId = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
const retryAfter = { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } };

export function successOf(route: Route, schemaOf: SchemaOf): Answer {
  const { schema, description, contentType } = route.success;
  if (!schema) return { description, headers: requestId };
  const example = route.example?.response;
  return {
    description,
    headers: requestId,
    content: {
      [contentType ?? 'application/json']: {
        schema: schemaOf(schema, 'output'),
        ...(example === undefined ? {} : { example }),
      },
    },
  };
}

/** The second success of a route that has one. */
export function acceptedOf({ accepted }: Route, schemaOf: SchemaOf): Record<string, Answer> {
  if (!accepted) return {};
  const { schema, description } = accepted;
  const content = { 'application/json': { schema: schemaOf(schema, 'output') } };
  return { 202: { description, headers: requestId, content } };
}

/** By status; a status with nothing but one code that any route may give is shared. */
export function problemsOf(
  route: Route,
  own: ReadonlyMap<string, ProblemCode>,
  problem: JsonSchema,
  shared: Map<string, Answer>,
): Record<string, Answer | Ref> {
  const byStatus = new Map<number, [string, ProblemCode][]>();
  for (const [code, entry] of own) {
    byStatus.set(entry.status, [...(byStatus.get(entry.status) ?? []), [code, entry]]);
  }
  const answers = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    answers.map(([status, codes]) => {
      const answer = problemAnswer(codes, problem);
      const [code = ''] = codes[0] ?? [];
      if (codes.length > 1 || code in route.refusals) return [status, answer];
      shared.set(code, answer);
      return [status, { $ref: `#/components/responses/${code}` }];
    }),
  );
}

function problemAnswer(codes: readonly [string, ProblemCode][], problem: JsonSchema): Answer {
  const mayWait = codes.some(([, { retryAfterSeconds }]) => retryAfterSeconds !== undefined);
  return {
    description: codes.map(([code, { title }]) => `- \`${code}\`: ${title}`).join('\n'),
    headers: { ...requestId, ...(mayWait ? retryAfter : {}) },
    content: {
      'application/problem+json': {
        schema: problem,
        examples: Object.fromEntries(
          codes.map(([code]) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

export function exampleOf(code: string, { status, title }: ProblemCode) {
  return {
    summary: title,
    value: {
      type: `/docs/problems#${code}`,
      title,
      status,
      code,
      instance: '/api/v1/…',
      requestId: '4b3c8f0e-6a51-4d0b-9f35-1f5f3c1a7d10',
    },
  };
}
