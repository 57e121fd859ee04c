/** An endpoint as a value: parameters are checked before the transaction, then it runs inside. */
import type { z } from 'zod';
import { ok } from '../../kernel/result.ts';
import type { Answer, Call, Outcome } from '../world.ts';
import type { Form } from './form.ts';
import { readParams } from './params.ts';

export type Endpoint = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Whether a buyer's browser may call it, with the publishable key and the client secret. */
  readonly publishable: boolean;
  readonly prepare: (form: Form) => Outcome<Work>;
};

/** The endpoint with its parameters; `id` is the one in its path, '' if there is none. */
export type Work = (call: Call, id: string) => Promise<Outcome<Answer>>;

export function endpoint<S extends z.ZodType>(
  method: Endpoint['method'],
  path: string,
  params: S,
  run: (call: Call, params: z.output<S>, id: string) => Promise<Outcome<Answer>>,
  more: { readonly publishable?: boolean } = {},
): Endpoint {
  return {
    method,
    path,
    publishable: more.publishable ?? false,
    prepare: (form) => {
      const read = readParams(params, form);
      if (!read.ok) return read;
      return ok((call: Call, id: string) => run(call, read.value, id));
    },
  };
}

export function answer(body: object, status = 200): Outcome<Answer> {
  return ok({ status, body });
}
