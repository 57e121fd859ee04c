import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  describeConfig,
  doubtsAbout,
  isLive,
  readConfig,
  usesMailbox,
  usesSandbox,
} from './config.ts';

function complaint(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return expect.unreachable('it should have been refused');
}

describe('settings', () => {
  it('need not be given', () => {
    expect(readConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 3000,
      DATABASE_POOL: 20,
      LOG_LEVEL: 'info',
      RATE_LIMIT: true,
      ALLOW_EMBEDDED_DATABASE: false,
    });
  });

  it('that are empty count as not given', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', DEMO: '' })).toMatchObject({
      PORT: 3000,
      DEMO: true,
    });
  });

  it.each([
    ['1', true],
    ['on', true],
    ['true', true],
    ['0', false],
    ['off', false],
    ['false', false],
  ])('understand %s', (text, meant) => {
    expect(readConfig({ RATE_LIMIT: text }).RATE_LIMIT).toBe(meant);
  });

  it('of proxies may be addresses, networks and names of networks', () => {
    const list = '10.0.0.1, 192.168.0.0/16,::1, fd00::/8, loopback';
    expect(readConfig({ TRUST_PROXY: list }).TRUST_PROXY).toBe(list);
  });

  it('lose the slash behind the public address', () => {
    expect(readConfig({ BASE_URL: 'https://x.org/' }).BASE_URL).toBe('https://x.org');
  });
});

const WRONG = {
  PORT: ['abc', '-1', '65536', '3000.5', '0x50', '1e3', ' '],
  BASE_URL: ['example.org', 'ftp://example.org', 'http://'],
  DATABASE_URL: ['localhost/db', 'mysql://localhost/db'],
  DATABASE_POOL: ['1', '201', 'many'],
  STRIPE_SECRET_KEY: ['pk_test_x', 'secret'],
  STRIPE_WEBHOOK_SECRET: ['secret'],
  BOOTSTRAP_API_KEY: ['short', 'x'.repeat(201)],
  LOG_LEVEL: ['loud', 'INFO'],
  RATE_LIMIT: ['yes', '2', 'ON'],
  ALLOW_EMBEDDED_DATABASE: ['maybe'],
  TRUST_PROXY: ['everybody', '10.0.0.1/33', '10.0.0.1,', '::1/129', '10.0.0.0/8/8', 'true'],
  KAFKA_BROKERS: ['kafka', 'kafka:', 'kafka://kafka:9092', 'a:9092,,b:9092', 'a:9092;b:9092'],
  KAFKA_PREFIX: ['with space', 'a/b', 'x'.repeat(101)],
  KAFKA_TLS: ['yes'],
  KAFKA_SASL_MECHANISM: ['gssapi', 'PLAIN'],
  DEMO: ['no'],
  WORKER: ['no'],
} as const;

describe('a wrong setting', () => {
  const cases = Object.entries(WRONG).flatMap(([name, texts]) =>
    texts.map((text) => ({ name, text })),
  );
  it.each(cases)('$name=$text is told by name', ({ name, text }) => {
    const said = complaint({ [name]: text });
    expect(said).toMatch(new RegExp(`^these settings are wrong:\n  ${name} +\\S`));
    expect(said.split('\n')).toHaveLength(2);
  });

  it('is told together with all others', () => {
    const said = complaint(Object.fromEntries(Object.entries(WRONG).map(([k, [v]]) => [k, v])));
    for (const name of Object.keys(WRONG)) expect(said).toContain(`  ${name} `);
    expect(said.split('\n')).toHaveLength(1 + Object.keys(WRONG).length);
  });

  it('that is a secret is not repeated', () => {
    const canary = 'canary-5c1f';
    const said = complaint({
      STRIPE_SECRET_KEY: canary,
      STRIPE_WEBHOOK_SECRET: canary,
      BOOTSTRAP_API_KEY: canary,
      DATABASE_URL: `mysql://u:${canary}@h/db`,
    });
    expect(said).not.toContain(canary);
  });
});

describe('settings that contradict each other', () => {
  const live = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' };
  it('live keys want a database of yours', () => {
    expect(complaint(live)).toContain('DATABASE_URL             is required with live');
    expect(isLive(readConfig({ ...live, DATABASE_URL: 'postgres://h/db' }))).toBe(true);
    expect(isLive(readConfig({ ...live, ALLOW_EMBEDDED_DATABASE: '1' }))).toBe(true);
  });

  it('a Stripe key wants the secret of its webhooks', () => {
    expect(complaint({ STRIPE_SECRET_KEY: 'sk_test_1' })).toContain('STRIPE_WEBHOOK_SECRET');
    const config = readConfig({ ...live, STRIPE_SECRET_KEY: 'rk_test_1' });
    expect([isLive(config), usesSandbox(config)]).toEqual([false, false]);
    expect(usesSandbox(readConfig({}))).toBe(true);
  });

  it('Kafka wants all that it takes to sign in, and no password in the open', () => {
    const sasl = { KAFKA_SASL_MECHANISM: 'scram-sha-256', KAFKA_SASL_USERNAME: 'fanfare' };
    expect(complaint(sasl)).toContain('KAFKA_SASL_PASSWORD      is required');
    expect(complaint({ KAFKA_SASL_USERNAME: 'fanfare' })).toContain('KAFKA_SASL_MECHANISM');
    expect(complaint({ KAFKA_TLS_CA: 'ca.pem' })).toContain('KAFKA_TLS ');
    const all = { ...sasl, KAFKA_SASL_PASSWORD: 'canary' };
    expect(complaint({ ...all, KAFKA_SASL_MECHANISM: 'plain' })).toContain('KAFKA_TLS ');
    const config = readConfig({ ...all, KAFKA_BROKERS: 'a:9092, b.example.org:9093' });
    expect(config.KAFKA_BROKERS).toEqual(['a:9092', 'b.example.org:9093']);
    expect(describeConfig(config).join()).not.toContain('canary');
  });

  it('are told beside other mistakes', () => {
    const said = complaint({ ...live, PORT: 'x' });
    expect(said).toContain('  PORT ');
    expect(said).toContain('  DATABASE_URL ');
  });
});

describe('the description of the settings', () => {
  it('has a line each, with the value in force', () => {
    const lines = describeConfig(readConfig({ PORT: '8080' }));
    expect(lines.find((line) => line.startsWith('PORT'))).toMatch(/^PORT +8080 +port to listen/);
    expect(lines.find((line) => line.startsWith('BASE_URL'))).toContain('(not set)');
    expect(lines.length).toBeGreaterThanOrEqual(Object.keys(WRONG).length);
  });

  it.each([
    'postgres://u:canary@db.example.org:5433/fanfare',
    'postgres://canary@db.example.org:5433/fanfare',
    'postgres://u:can@canary@db.example.org:5433/fanfare',
    'postgres://u:p%2Fcanary@db.example.org:5433/fanfare',
    'postgres://db.example.org:5433/fanfare?user=u&password=canary',
  ])('hides who connects: %s', (url) => {
    const said = describeConfig(readConfig({ DATABASE_URL: url })).join('\n');
    expect(said).not.toContain('canary');
    expect(said).toContain('db.example.org:5433/fanfare');
  });

  it('hides with what password mail is sent', () => {
    const said = describeConfig(
      readConfig({
        SMTP_URL: 'smtps://u:canary@mail.example.org:465',
        MAIL_FROM: 'Tickets <tickets@example.org>',
        SMS_URL: 'https://api.twilio.com/',
        SMS_ACCOUNT: 'AC1',
        SMS_TOKEN: 'canary',
        SMS_FROM: '+15005550006',
      }),
    ).join('\n');
    expect(said).not.toContain('canary');
    expect(said).toContain('mail.example.org:465');
  });

  it('misses what a way out for messages needs', () => {
    const wrong = (env: Record<string, string>) => () => readConfig(env);
    expect(wrong({ SMTP_URL: 'smtp://localhost' })).toThrow(/MAIL_FROM +is required with SMTP_URL/);
    expect(wrong({ SMS_URL: 'https://api.twilio.com' })).toThrow(/SMS_TOKEN +is required/);
    expect(wrong({ MAIL_FROM: 'a@example.org\nBcc: b@example.org' })).toThrow(/MAIL_FROM/);
    const live = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' };
    const database = { DATABASE_URL: 'postgres://localhost/fanfare' };
    expect(usesMailbox(readConfig({}))).toBe(true);
    expect(usesMailbox(readConfig({ ...live, ...database }))).toBe(false);
  });

  it('doubts that live payments are meant without letters', () => {
    const live = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' };
    const all = { ...live, DATABASE_URL: 'postgres://localhost/fanfare' };
    expect(doubtsAbout(readConfig({}))).toEqual([]);
    expect(doubtsAbout(readConfig(all))).toEqual([expect.stringMatching(/^SMTP_URL is not set/)]);
    const mail = { SMTP_URL: 'smtp://localhost', MAIL_FROM: 'a@example.org' };
    expect(doubtsAbout(readConfig({ ...all, ...mail }))).toEqual([]);
    expect(doubtsAbout(readConfig({ ...all, ...mail, NOTIFY: 'off' }))).toHaveLength(1);
  });

  it('hides secrets', () => {
    const said = describeConfig(
      readConfig({
        STRIPE_SECRET_KEY: 'sk_test_canary',
        STRIPE_WEBHOOK_SECRET: 'whsec_canary',
        BOOTSTRAP_API_KEY: `canary${'x'.repeat(20)}`,
      }),
    ).join('\n');
    expect(said).not.toContain('canary');
    expect(said.match(/\(set, hidden\)/g)).toHaveLength(3);
  });
});
