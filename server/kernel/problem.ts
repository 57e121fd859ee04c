/** Errors as RFC 9457 problem documents with a stable `code`. No stack, no SQL, no value echoed. */
import { z } from 'zod';
import type { Issue, Refusal } from './result.ts';

export type ProblemInput = {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly issues?: readonly Issue[] | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds?: number | undefined;
};

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly instance: string;
  readonly requestId: string;
  readonly issues?: readonly Issue[];
};

/** Where each code is explained. */
const TYPE_BASE = '/docs/problems#';

/** One entry per refusal code of a room: what HTTP makes of it. */
export type RefusalTable<C extends string> = Readonly<
  Record<
    C,
    { readonly status: number; readonly title: string; readonly retryAfterSeconds?: number }
  >
>;

/** Refusals that any route may give. */
export const commonRefusals = {
  not_found: { status: 404, title: 'Not found' },
  busy: { status: 503, title: 'Busy', retryAfterSeconds: 1 },
  idempotency_key_required: { status: 400, title: 'The header Idempotency-Key is required' },
  idempotency_key_invalid: {
    status: 400,
    title: 'The header Idempotency-Key must be 1 to 255 visible ASCII characters',
  },
  idempotency_key_reused: { status: 422, title: 'This key was used with another request' },
  request_in_flight: {
    status: 409,
    title: 'The first request with this key is still running',
    retryAfterSeconds: 1,
  },
  validation_failed: { status: 422, title: 'The request is not valid' },
} as const satisfies RefusalTable<string>;

/** What is wrong, and where in the request. */
export const issueSchema = z.object({ path: z.string(), code: z.string(), message: z.string() });

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    instance: z.string(),
    requestId: z.string(),
    issues: z.array(issueSchema).optional(),
  })
  .loose()
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable code' });

export function problem(input: ProblemInput, requestId: string, instance: string): Problem {
  return {
    ...input.extra,
    type: `${TYPE_BASE}${input.code}`,
    title: input.title,
    status: input.status,
    code: input.code,
    ...(input.detail ? { detail: input.detail } : {}),
    instance,
    requestId,
    ...(input.issues ? { issues: input.issues } : {}),
  };
}

export function problemOfRefusal(refusal: Refusal, table: RefusalTable<string>): ProblemInput {
  const common: RefusalTable<string> = commonRefusals;
  const known = table[refusal.code] ?? common[refusal.code];
  if (!known) throw new Error(`the refusal ${refusal.code} has no HTTP status`);
  return { ...known, ...refusal };
}
