/**
 * A route as a value: what it takes, who may call it, what it answers and what it may refuse. The
 * HTTP server, the OpenAPI document and the generated access test all read the same value.
 */
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Actor } from './actor.ts';
import type { Ctx } from './context.ts';
import type { RefusalTable } from './problem.ts';
import { ok, type Refusal, type Result } from './result.ts';

/**
 * Who may call it.
 * - `public`: anybody.
 * - `scope`: a key that carries the scope, within its own organizer (another's object is 404).
 * - `owner`: whoever the object belongs to (its access token, or the person's own key), and keys
 *   that carry the scope.
 * - `platform`: keys of the platform itself.
 * - `signed`: the message proves itself (a webhook's signature).
 */
export type Access =
  | { readonly kind: 'public' }
  | {
      readonly kind: 'scope';
      readonly scope: string;
      /** Keys are known from memory too: it has to work while the database does not answer. */
      readonly standby?: true;
    }
  | { readonly kind: 'owner'; readonly scope: string }
  | { readonly kind: 'platform'; readonly scope: string }
  | { readonly kind: 'signed' };

/**
 * - `none`: a GET, PUT or DELETE, which is idempotent by itself.
 * - `optional`, `required`: the answer is stored in the use case's one transaction.
 * - `own`: the use case keeps the key itself, with what it makes.
 */
export type IdempotencyRule = 'none' | 'optional' | 'required' | 'own';

export type RouteInput<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly actor: Actor;
  /** The caller's name for idempotency, and the key; null where none was sent. */
  readonly once: {
    readonly caller: string;
    readonly key: string;
    readonly bodyHash: Buffer;
  } | null;
  readonly request: {
    readonly rawBody: Buffer | null;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    /** Where it comes from, for limits: an IPv4 address, or the network of an IPv6 one. */
    readonly network: string;
  };
};

export type Reply<T> = {
  readonly body: T;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body as it goes out, where it was checked and encoded before. */
  readonly encoded?: string | Buffer;
  /** Another status than the route's own, e.g. 304. */
  readonly status?: number;
  /**
   * The answer has no end yet: its head is sent, and whoever is called here writes to the socket.
   * The body is all that is between the head and the end of the connection, without chunks, so
   * that the same bytes can go to many.
   */
  readonly stream?: (response: ServerResponse) => void;
};

/** A route that takes in a document larger than a form. */
export type Upload = {
  readonly maxBytes: number;
  /** Besides JSON; the handler gets its bytes. */
  readonly alsoTakes?: 'text/csv';
};

/** A second success, 202: the request was taken, and waits for somebody. */
export type Accepted<A extends z.ZodType = z.ZodType> = {
  readonly schema: A;
  readonly description: string;
  /** Tells its bodies from those of the route's own success. */
  readonly is: (body: unknown) => boolean;
};

type AnyObject = z.ZodType<unknown>;

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly tag: string;
  readonly access: Access;
  readonly idempotency: IdempotencyRule;
  readonly params: AnyObject | undefined;
  readonly query: AnyObject | undefined;
  readonly body: AnyObject | undefined;
  readonly success: {
    readonly status: number;
    readonly schema: z.ZodType | null;
    readonly description: string;
    readonly contentType?: string;
  };
  readonly accepted: Accepted | undefined;
  readonly upload: Upload | undefined;
  readonly refusals: RefusalTable<string>;
  readonly example?: { readonly body?: unknown; readonly response?: unknown } | undefined;
  readonly handle: (
    ctx: Ctx,
    input: RouteInput<unknown, unknown, unknown>,
  ) => Promise<Result<Reply<unknown>, Refusal>>;
};

export type RouteSpec<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  S extends z.ZodType | null,
  C extends string,
  A extends z.ZodType,
> = {
  readonly method: Route['method'];
  /** Below the base path, with `:name` parameters. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: Access;
  readonly idempotency?: IdempotencyRule;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly success: {
    readonly status: number;
    readonly schema: S;
    readonly description: string;
    readonly contentType?: string;
  };
  readonly accepted?: Accepted<A>;
  readonly upload?: Upload;
  readonly refusals: RefusalTable<C>;
  readonly example?: { readonly body?: unknown; readonly response?: unknown };
  readonly handle: (
    ctx: Ctx,
    input: RouteInput<z.output<P>, z.output<Q>, z.output<B>>,
  ) => Promise<
    Result<
      Reply<(S extends z.ZodType ? z.input<S> : unknown) | z.input<A>>,
      Refusal & { readonly code: NoInfer<C> | 'not_found' | 'busy' | 'validation_failed' }
    >
  >;
};

/** Types one route: the handler sees parsed input, and may refuse only with codes of its table. */
export function route<
  P extends z.ZodType = z.ZodType<unknown>,
  Q extends z.ZodType = z.ZodType<unknown>,
  B extends z.ZodType = z.ZodType<unknown>,
  S extends z.ZodType | null = null,
  C extends string = never,
  A extends z.ZodType = z.ZodNever,
>(spec: RouteSpec<P, Q, B, S, C, A>): Route {
  return {
    idempotency: spec.method === 'POST' ? 'optional' : 'none',
    ...spec,
    params: spec.params,
    query: spec.query,
    body: spec.body,
    accepted: spec.accepted,
    upload: spec.upload,
    description: spec.description,
    example: spec.example,
    // The server parses the input with the schemas of this very spec before it calls.
    handle: spec.handle as Route['handle'],
  };
}

/** For a use case whose value is the answer's body as it stands. */
export async function bodyOf<T, R extends Refusal>(
  outcome: Promise<Result<T, R>>,
): Promise<Result<Reply<T>, R>> {
  const result = await outcome;
  return result.ok ? ok({ body: result.value }) : result;
}
