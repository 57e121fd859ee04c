/**
 * The only reader of `process.env`. Every setting has a type, a default and a sentence; what is
 * wrong is told all at once, before anything starts.
 */
import { z } from 'zod';

const flag = z.enum(['0', '1', 'on', 'off', 'true', 'false']).transform((v) => /1|on|true/.test(v));
const port = z.coerce.number().int().min(0).max(65_535);
const url = (protocols: string[]) =>
  z.string().refine(
    (value) => {
      try {
        return protocols.includes(new URL(value).protocol.replace(':', ''));
      } catch {
        return false;
      }
    },
    `must be a URL that starts with ${protocols.map((p) => `${p}://`).join(' or ')}`,
  );

const settings = {
  HOST: [z.string().default('127.0.0.1'), 'address to listen on'],
  PORT: [port.default(3000), 'port to listen on; if it is taken the next free one is used'],
  BASE_URL: [url(['http', 'https']).optional(), 'public address, for links (default: HOST:PORT)'],
  DATABASE_URL: [
    url(['postgres', 'postgresql']).optional(),
    'your PostgreSQL (15 or newer); the embedded one is used without it',
  ],
  DATA_DIR: [z.string().min(1).optional(), 'where the embedded database lives (default: .data)'],
  DATABASE_POOL: [z.coerce.number().int().min(2).max(200).default(20), 'connections per process'],
  STRIPE_SECRET_KEY: [
    z
      .string()
      .regex(/^(sk|rk)_(test|live)_/, 'must be a Stripe secret key (sk_… or rk_…)')
      .optional(),
    'the real Stripe; without it the sandbox takes the payments',
  ],
  STRIPE_WEBHOOK_SECRET: [
    z.string().startsWith('whsec_').optional(),
    'signing secret of the webhook endpoint /webhooks/stripe',
  ],
  ALLOW_EMBEDDED_DATABASE: [flag.default(false), 'allow the embedded database beside live keys'],
  BOOTSTRAP_API_KEY: [
    z.string().min(24, 'must have at least 24 characters').max(200).optional(),
    'an admin API key that exists from the first start',
  ],
  LOG_LEVEL: [
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'how much is logged',
  ],
  RATE_LIMIT: [flag.default(true), 'off for load tests'],
  TRUST_PROXY: [
    z.string().optional(),
    'addresses of the proxies in front (comma-separated), whose X-Forwarded-For is believed',
  ],
  DEMO: [flag.default(true), 'load the demo season into an empty database'],
  WORKER: [flag.default(true), 'run jobs in this process'],
} as const satisfies Record<string, readonly [z.ZodType, string]>;

type Settings = typeof settings;
type RawConfig = { readonly [K in keyof Settings]: z.output<Settings[K][0]> };

export type Config = RawConfig;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads and checks all settings. Throws ConfigError with a table of everything that is wrong. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const wrong: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, [schema]] of Object.entries(settings)) {
    const raw = env[name];
    const parsed = schema.safeParse(raw === '' ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else wrong.push(`  ${name.padEnd(24)} ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  }
  // Every setting was parsed by its own schema above, or is listed in `wrong`.
  const config = values as RawConfig;
  if (wrong.length === 0) wrong.push(...contradictions(config));
  if (wrong.length > 0) throw new ConfigError(`these settings are wrong:\n${wrong.join('\n')}`);
  return config;
}

function contradictions(config: RawConfig): string[] {
  const wrong: string[] = [];
  if (isLive(config) && !config.DATABASE_URL && !config.ALLOW_EMBEDDED_DATABASE) {
    wrong.push('  DATABASE_URL             is required with live Stripe keys');
  }
  if (config.STRIPE_SECRET_KEY && !config.STRIPE_WEBHOOK_SECRET) {
    wrong.push('  STRIPE_WEBHOOK_SECRET    is required with STRIPE_SECRET_KEY');
  }
  return wrong;
}

export function isLive(config: RawConfig): boolean {
  return /^(sk|rk)_live_/.test(config.STRIPE_SECRET_KEY ?? '');
}

/** The sandbox takes the payments unless real keys are set. */
export function usesSandbox(config: RawConfig): boolean {
  return config.STRIPE_SECRET_KEY === undefined;
}

const SECRET = new Set(['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'BOOTSTRAP_API_KEY']);

/** One line a setting: name, value in force (secrets hidden), what it is for. */
export function describeConfig(config: RawConfig): readonly string[] {
  return Object.entries(settings).map(([name, [, what]]) => {
    const value = config[name as keyof RawConfig];
    return `${name.padEnd(24)} ${shown(name, value).padEnd(28)} ${what}`;
  });
}

function shown(name: string, value: unknown): string {
  if (value === undefined) return '(not set)';
  if (SECRET.has(name)) return '(set, hidden)';
  if (name === 'DATABASE_URL') return String(value).replace(/\/\/[^@/]*@/, '//…@');
  return String(value);
}

/** The environment of this process; main and the commands call it, nobody else. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
