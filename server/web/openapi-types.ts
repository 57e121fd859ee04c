/** The part of OpenAPI 3.1 that our document uses. */
import type { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

export type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
};

export type Body = { readonly required: boolean; readonly content: Content };

type Content = Readonly<
  Record<
    string,
    {
      readonly schema: JsonSchema;
      readonly example?: unknown;
      readonly examples?: Readonly<Record<string, Ref>>;
    }
  >
>;

export type Answer = {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
};

export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Answer | Ref>>;
};

export type Ref = { readonly $ref: string };

/** As JSON Schema: of what we take (`input`) or of what we answer (`output`). */
export type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => JsonSchema;
