/**
 * The only reader of `process.env`. Every setting has a type, a default and a sentence; what is
 * wrong is told all at once, before anything starts.
 */
import { isIP } from 'node:net';
import { z } from 'zod';

const flag = z.enum(['0', '1', 'on', 'off', 'true', 'false']).transform((v) => /1|on|true/.test(v));
/** Digits only: what else `Number` understands (a blank, `0x50`, `1e3`) is a slip. */
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .pipe(z.int().min(least).max(most));
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

/** `10.0.0.1, 10.1.0.0/16, loopback`, as the server's framework understands them. */
const proxies = z.string().refine(
  (list) =>
    list.split(',').every((entry) => {
      const [address = '', bits, ...rest] = entry.trim().split('/');
      if (/^(loopback|linklocal|uniquelocal)$/.test(entry.trim())) return true;
      const most = { 4: 32, 6: 128 }[isIP(address)] ?? -1;
      const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
      return most > 0 && fits && rest.length === 0;
    }),
  'must be addresses, networks (10.0.0.0/8) or loopback, linklocal, uniquelocal, with commas',
);

/** `10.0.0.1:9092, kafka-2.example.org:9092`. */
const brokers = z
  .string()
  .regex(/^[^\s,:/]+:\d{1,5}(\s*,\s*[^\s,:/]+:\d{1,5})*$/, 'must be host:port, several with commas')
  .transform((list) => list.split(',').map((each) => each.trim()));

const settings = {
  HOST: [z.string().default('127.0.0.1'), 'address to listen on'],
  PORT: [
    whole(0, 65_535).default(3000),
    'port to listen on; if it is taken the next free one is used',
  ],
  BASE_URL: [
    url(['http', 'https'])
      .transform((base) => base.replace(/\/+$/, ''))
      .optional(),
    'public address, for links (default: HOST:PORT)',
  ],
  DATABASE_URL: [
    url(['postgres', 'postgresql']).optional(),
    'your PostgreSQL (15 or newer); the embedded one is used without it',
  ],
  DATA_DIR: [z.string().min(1).optional(), 'where the embedded database lives (default: .data)'],
  DATABASE_POOL: [whole(2, 200).default(20), 'connections per process'],
  DATABASE_LANES: [
    whole(2, 100).default(4),
    'further connections per process: how many events change at once',
  ],
  STRIPE_SECRET_KEY: [
    z
      .string()
      .regex(/^(sk|rk)_(test|live)_/, 'must be a Stripe secret key (sk_… or rk_…)')
      .optional(),
    'the real Stripe; without it the sandbox takes the payments',
  ],
  STRIPE_WEBHOOK_SECRET: [
    z
      .string()
      .regex(/^whsec_[^\s,]+(\s*,\s*whsec_[^\s,]+)*$/, 'must start with whsec_')
      .transform((list) => list.split(',').map((secret) => secret.trim()))
      .optional(),
    'signing secret of the webhook endpoint /webhooks/stripe; several with commas',
  ],
  KAFKA_BROKERS: [
    brokers.optional(),
    'host:port of Kafka brokers, with commas; without them nothing is published',
  ],
  KAFKA_PREFIX: [
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must have letters, digits, dots, _ and - only')
      .optional(),
    'stands before the names of topics and groups, with a dot (groups alone: fanfare)',
  ],
  KAFKA_TLS: [flag.default(false), 'connect to Kafka with TLS'],
  KAFKA_TLS_CA: [
    z.string().min(1).optional(),
    'file (PEM) of the authority that the brokers’ certificates are of, if it is not a public one',
  ],
  KAFKA_SASL_MECHANISM: [
    z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
    'how to sign in to Kafka, with the next two',
  ],
  KAFKA_SASL_USERNAME: [z.string().min(1).optional(), 'as whom'],
  KAFKA_SASL_PASSWORD: [z.string().min(1).optional(), 'with what'],
  ALLOW_EMBEDDED_DATABASE: [flag.default(false), 'allow the embedded database beside live keys'],
  BOOTSTRAP_API_KEY: [
    z.string().min(24, 'must have at least 24 characters').max(200).optional(),
    'an admin API key that exists from the first start',
  ],
  SMTP_URL: [
    url(['smtp', 'smtps']).optional(),
    'the server that mail is given to; without it all of it lands in /sandbox/mailbox',
  ],
  MAIL_FROM: [
    z
      .string()
      .max(300)
      .regex(
        /^(?:[^<>\r\n]*<[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/,
        'must be an e-mail address',
      )
      .default('Tickets <tickets@localhost>'),
    'who mail is from: `Tickets <tickets@example.org>`; required with SMTP_URL',
  ],
  SMS_URL: [
    url(['http', 'https'])
      .transform((base) => base.replace(/\/+$/, ''))
      .optional(),
    'a provider of text messages with the API of Twilio: https://api.twilio.com',
  ],
  SMS_ACCOUNT: [z.string().min(1).max(200).optional(), 'its account (AC…)'],
  SMS_TOKEN: [z.string().min(1).max(200).optional(), 'the token of the account'],
  SMS_FROM: [
    z.string().min(1).max(40).optional(),
    'the number or name that text messages are from',
  ],
  LOG_LEVEL: [
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'how much is logged',
  ],
  RATE_LIMIT: [flag.default(true), 'off for load tests'],
  TRUST_PROXY: [
    proxies.optional(),
    'addresses of the proxies in front (comma-separated), whose X-Forwarded-For is believed',
  ],
  REDIS_URL: [
    url(['redis', 'rediss']).optional(),
    'a Redis that several processes share: rate limits, live updates, caches',
  ],
  LIVE_LISTENERS: [
    whole(1, 200_000).default(20_000),
    'live updates: how many may listen to this process',
  ],
  LIVE_PER_CALLER: [
    whole(1, 200_000).default(200),
    'live updates: how many of them from one address or with one key',
  ],
  WEBHOOKS_ALLOW_PRIVATE: [
    flag.default(false),
    'send webhooks over HTTP and to private addresses, too; for development',
  ],
  DEMO: [flag.default(true), 'load the demo season into an empty database'],
  NOTIFY: [
    flag.default(true),
    'tell buyers by mail and text message what became of their orders; `off` for load tests',
  ],
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
  const wrong = new Map<string, string>();
  const values: Record<string, unknown> = {};
  for (const [name, [schema]] of Object.entries(settings)) {
    const raw = env[name];
    const parsed = schema.safeParse(raw === '' ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else wrong.set(name, parsed.error.issues[0]?.message ?? 'is not valid');
  }
  // Every setting was parsed by its own schema above, or is listed in `wrong`.
  const config = values as RawConfig;
  for (const [name, message] of contradictions(config)) {
    if (!wrong.has(name)) wrong.set(name, message);
  }
  if (wrong.size === 0) return config;
  const lines = [...wrong].map(([name, message]) => `  ${name.padEnd(24)} ${message}`);
  throw new ConfigError(`these settings are wrong:\n${lines.join('\n')}`);
}

/** Names with what is wrong about them; a setting that is wrong by itself counts as not given. */
function contradictions(config: RawConfig): (readonly [string, string])[] {
  const wrong: (readonly [string, string])[] = [];
  if (isLive(config) && !config.DATABASE_URL && !config.ALLOW_EMBEDDED_DATABASE) {
    wrong.push(['DATABASE_URL', 'is required with live Stripe keys']);
  }
  if (config.STRIPE_SECRET_KEY && !config.STRIPE_WEBHOOK_SECRET) {
    wrong.push(['STRIPE_WEBHOOK_SECRET', 'is required with STRIPE_SECRET_KEY']);
  }
  if (config.SMTP_URL && config.MAIL_FROM.endsWith('@localhost>')) {
    wrong.push(['MAIL_FROM', 'is required with SMTP_URL']);
  }
  for (const name of ['SMS_ACCOUNT', 'SMS_TOKEN', 'SMS_FROM'] as const) {
    if (config.SMS_URL && !config[name]) wrong.push([name, 'is required with SMS_URL']);
  }
  return [...wrong, ...kafkaContradictions(config)];
}

function kafkaContradictions(config: RawConfig): (readonly [string, string])[] {
  const wrong: (readonly [string, string])[] = [];
  const { KAFKA_SASL_MECHANISM: mechanism } = config;
  for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const) {
    if (mechanism && !config[name]) wrong.push([name, 'is required with KAFKA_SASL_MECHANISM']);
  }
  if (config.KAFKA_SASL_USERNAME && !mechanism) {
    wrong.push(['KAFKA_SASL_MECHANISM', 'is required with KAFKA_SASL_USERNAME']);
  }
  if (config.KAFKA_TLS_CA && !config.KAFKA_TLS) {
    wrong.push(['KAFKA_TLS', 'must be on with KAFKA_TLS_CA']);
  }
  // A password in the open is everybody's.
  if (mechanism === 'plain' && !config.KAFKA_TLS) {
    wrong.push(['KAFKA_TLS', 'must be on with KAFKA_SASL_MECHANISM=plain']);
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

/**
 * Messages that nothing is configured for lie open in the development mailbox; where money is real
 * they are not sent at all.
 */
export function usesMailbox(config: RawConfig): boolean {
  return !isLive(config) && (config.SMTP_URL === undefined || config.SMS_URL === undefined);
}

/** What is allowed and probably not meant, in a line each: said at the start. */
export function doubtsAbout(config: RawConfig): readonly string[] {
  const doubts: string[] = [];
  if (isLive(config) && config.SMTP_URL === undefined) {
    doubts.push(
      'SMTP_URL is not set: no buyer gets tickets, news of an event or a code to sign in by e-mail',
    );
  }
  if (isLive(config) && !config.NOTIFY) {
    doubts.push('NOTIFY is off: nobody is told anything');
  }
  return doubts;
}

const SECRET = new Set([
  ...['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'BOOTSTRAP_API_KEY', 'SMS_TOKEN'],
  'KAFKA_SASL_PASSWORD',
]);

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
  return ['DATABASE_URL', 'SMTP_URL', 'REDIS_URL'].includes(name)
    ? withoutCredentials(String(value))
    : String(value);
}

/** Who connects and with what password may stand before the host or among the parameters. */
function withoutCredentials(url: string): string {
  const { protocol, host, pathname, username, password, search } = new URL(url);
  const who = username || password ? '…@' : '';
  return `${protocol}//${who}${host}${pathname}${search ? '?…' : ''}`;
}

/** The environment of this process; main and the commands call it, nobody else. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
