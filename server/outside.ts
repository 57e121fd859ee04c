/** The world outside of a process, opened as it is configured: who takes money and messages. */
import { createWebhookPort } from './adapters/outgoing/index.ts';
import { openRedis } from './adapters/redis/index.ts';
import { createSms } from './adapters/sms/index.ts';
import { createStripeProvider } from './adapters/stripe/index.ts';
import type { Clock } from './kernel/clock.ts';
import { type Config, isLive, usesMailbox } from './kernel/config.ts';
import { type Ctx, type Ports, systemIds } from './kernel/context.ts';
import type { Db } from './kernel/db.ts';
import { present } from './kernel/result.ts';
import type { Secrets } from './kernel/secrets.ts';
import { alone, type Shared } from './kernel/shared.ts';
import { DELIVERY_MAX_MS, type SmsPort } from './modules/notifications/index.ts';
import { createPrinter, printProgram } from './modules/papers/index.ts';
import type { PaymentPort } from './modules/payments/index.ts';
import { API_PREFIX, type Sandbox } from './sandbox/index.ts';
import { createMailbox } from './sandbox/mailbox/index.ts';

const PROCESS_NAME_BYTES = 12;

/** What is known only once the server listens. */
export type Listening = { baseUrl: string | null; provider: PaymentPort | null };

export function portsOf(
  config: Config,
  state: Listening,
  { mail, sms }: Awaited<ReturnType<typeof openPost>>,
): Ports {
  return {
    get payments() {
      return present(state.provider, 'the payment provider (the server does not listen yet)');
    },
    get home() {
      return state.baseUrl;
    },
    mail,
    sms,
    webhooks: createWebhookPort({ allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE }),
    printer: createPrinter(printProgram()),
  };
}

/**
 * Who takes messages: a server or provider, the development mailbox, or nobody. What speaks to a
 * mail server is loaded only where there is one: buyers wait for a server that begins again.
 */
export async function openPost(config: Config, db: Db, clock: Clock) {
  const { SMTP_URL, SMS_URL, SMS_ACCOUNT, SMS_TOKEN, SMS_FROM } = config;
  const mailbox = usesMailbox(config) ? createMailbox({ db, clock }) : null;
  const smtp = SMTP_URL
    ? (await import('./adapters/smtp/index.ts')).createSmtp(SMTP_URL, DELIVERY_MAX_MS)
    : null;
  const sms: SmsPort | null = SMS_URL
    ? createSms({
        url: SMS_URL,
        account: present(SMS_ACCOUNT, 'SMS_ACCOUNT'),
        token: present(SMS_TOKEN, 'SMS_TOKEN'),
        from: present(SMS_FROM, 'SMS_FROM'),
        maxMs: DELIVERY_MAX_MS,
      })
    : null;
  return {
    mailbox,
    mail: smtp ?? mailbox?.mail ?? null,
    sms: sms ?? mailbox?.sms ?? null,
    close: () => smtp?.close(),
  };
}

/** With a Redis, what the processes can share; its client is loaded only then. */
export async function openShared(
  { REDIS_URL: url }: Config,
  secrets: Secrets,
  { log, metrics }: Pick<Ctx, 'log' | 'metrics'>,
): Promise<Shared> {
  if (!url) return alone;
  return openRedis({
    ...{ url, log, metrics },
    installation: secrets.derive('shared', 'installation').slice(0, 12),
    process: Buffer.from(systemIds.bytes(PROCESS_NAME_BYTES)).toString('base64url'),
    hide: (name) => secrets.derive('shared-counts', name),
  });
}

export function stripeProvider(config: Config, nowMs: () => number): PaymentPort {
  return createStripeProvider({
    secretKey: present(config.STRIPE_SECRET_KEY, 'STRIPE_SECRET_KEY'),
    webhookSecrets: present(config.STRIPE_WEBHOOK_SECRET, 'STRIPE_WEBHOOK_SECRET'),
    livemode: isLive(config),
    nowMs,
  });
}

export function sandboxProvider(
  sandbox: Sandbox,
  address: { readonly host: string; readonly port: number; readonly baseUrl: string },
  nowMs: () => number,
): PaymentPort {
  return createStripeProvider({
    secretKey: sandbox.secretKey,
    webhookSecrets: sandbox.webhookSecrets,
    livemode: false,
    sandbox: {
      host: address.host,
      port: address.port,
      pathPrefix: API_PREFIX,
      hostedPage: (intentId, clientSecret) =>
        `${address.baseUrl}/sandbox/pay/${intentId}?client_secret=${clientSecret}`,
    },
    nowMs,
  });
}
