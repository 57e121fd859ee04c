import { describe, expect, it } from 'vitest';
import { createLog, inTurns, requestLog } from './log.ts';

/** Every value that must not come out holds this. */
const CANARY = 'canary9f3a';
const MAIL = `${CANARY}@example.org`;

function logged(write: (log: ReturnType<typeof createLog>) => void, level = 'trace' as const) {
  const lines: string[] = [];
  write(createLog({ LOG_LEVEL: level }, { write: (line: string) => void lines.push(line) }));
  return lines;
}

const SECRET_FIELDS = [
  'email',
  'phone',
  'name',
  'accessToken',
  'clientSecret',
  'client_secret',
  'secret',
  'token',
  'password',
  'apiKey',
  'buyer',
  'body',
  'rawBody',
];
const SECRET_HEADERS = [
  'authorization',
  'cookie',
  'x-pass',
  'x-device-token',
  'idempotency-key',
  'stripe-signature',
];

describe('a log line', () => {
  it.each(SECRET_FIELDS)('does not tell %s, up to three levels deep', (field) => {
    const [line] = logged((log) =>
      log.info({ [field]: CANARY, a: { [field]: CANARY, b: { [field]: CANARY } } }, 'said'),
    );
    expect(line).not.toContain(CANARY);
    expect(line?.match(/\(redacted\)/g)).toHaveLength(3);
    expect(line).toContain('"msg":"said"');
  });

  it.each(SECRET_HEADERS)('does not tell the header %s', (header) => {
    const headers = { [header]: CANARY };
    const lines = logged((log) => {
      log.info({ headers }, 'said');
      log.info({ response: { headers } }, 'said');
    });
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain(CANARY);
  });

  it('tells of a request where it went, not what it carried', () => {
    const req = {
      id: 'req-1',
      method: 'GET',
      url: `/api/v1/orders/ord_1?access=${CANARY}`,
      ip: '192.0.2.7',
      headers: { authorization: `Bearer ${CANARY}` },
      body: { name: CANARY },
    };
    const [line] = logged((log) => log.info({ req }, 'request'));
    expect(JSON.parse(line ?? '')).toMatchObject({
      req: { id: 'req-1', method: 'GET', url: '/api/v1/orders/ord_1', ip: '192.0.2.7' },
    });
    expect(line).not.toContain(CANARY);
  });

  it('has no host name and no process id, but a level and a time', () => {
    const [line] = logged((log) => log.warn('said'));
    expect(Object.keys(JSON.parse(line ?? '')).sort()).toEqual(['level', 'msg', 'time']);
  });

  it('is not written below the level', () => {
    const lines: string[] = [];
    const sink = { write: (line: string) => void lines.push(line) };
    createLog({ LOG_LEVEL: 'warn' }, sink).info('quiet');
    createLog({ LOG_LEVEL: 'silent' }, sink).fatal('quiet');
    expect(lines).toEqual([]);
  });
});

describe('an error in the log', () => {
  const told = (error: unknown) => {
    const [line = ''] = logged((log) => log.error({ err: error }, 'failed'));
    expect(line).not.toContain(CANARY);
    return JSON.parse(line).err;
  };

  it('of the database has its codes and names, not the values it failed on', () => {
    const error = Object.assign(new Error(`invalid input syntax for type integer: "${CANARY}"`), {
      code: '22P02',
      detail: `Key (email)=(${MAIL}) already exists.`,
      where: `unnamed portal parameter $1 = '${CANARY}'`,
      hint: CANARY,
      internalQuery: CANARY,
      constraint: 'person_mailbox',
      table: 'person',
      column: 'email',
      routine: 'pg_strtoint32_safe',
    });
    expect(told(error)).toMatchObject({
      type: 'Error',
      code: '22P02',
      constraint: 'person_mailbox',
      table: 'person',
      column: 'email',
      message: 'invalid input syntax for type integer: "…"',
    });
  });

  it('of the provider has its status and request, not the intent', () => {
    const error = Object.assign(new Error(`No such customer: ${MAIL}`), {
      code: 'resource_missing',
      statusCode: 404,
      requestId: 'req_1',
      raw: { payment_intent: { client_secret: CANARY } },
      headers: { authorization: CANARY },
      payment_intent: { receipt_email: MAIL },
    });
    expect(told(error)).toMatchObject({
      code: 'resource_missing',
      statusCode: 404,
      requestId: 'req_1',
      message: 'No such customer: (redacted)',
    });
  });

  it.each([
    `sent to ${MAIL}`,
    `"${MAIL}", (${MAIL}) <${MAIL}>`,
    `Authorization: Bearer ${CANARY}`,
    `key fk_${CANARY}`,
    `token at_${CANARY}`,
    `key sk_test_${CANARY}`,
    `key rk_live_${CANARY}`,
    `secret whsec_${CANARY}`,
    `intent pi_123_secret_${CANARY}`,
  ])('whose message says: %s', (message) => {
    expect(told(new Error(message)).message).toContain('(redacted)');
  });

  it('tells where it came from, without the message again', () => {
    const { stack } = told(new Error(`multi\nline ${MAIL}`));
    expect(stack).toMatch(/^ {4}at .*log\.test\.ts/);
  });

  it('tells its causes, three at most', () => {
    let error = new Error('root');
    for (let i = 0; i < 6; i++) error = new Error(`around ${i}`, { cause: error });
    const err = told(error);
    expect(err.cause.cause.cause).toMatchObject({ message: 'around 2' });
    expect(err.cause.cause.cause.cause).toBeUndefined();
  });

  it('that causes itself ends', () => {
    const error = new Error('round');
    error.cause = error;
    expect(told(error).message).toBe('round');
  });

  it.each([undefined, null, 'text', 7, { message: 'odd' }])('may be anything: %j', (thrown) => {
    expect(() => told(thrown)).not.toThrow();
  });
});

describe('the line of a request', () => {
  it('tells who asked for what, and how it ended, without the query', () => {
    const req = { id: 'r-1', method: 'GET', url: '/a?access=at_canary', ip: '192.0.2.1' };
    const lines = logged((log) => requestLog(log)(req, 200, 1.26));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      req: { id: 'r-1', method: 'GET', url: '/a', ip: '192.0.2.1' },
      status: 200,
      ms: 1.3,
      msg: 'request',
    });
  });
});

describe('lines of one turn', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  function sink() {
    const written: string[] = [];
    let atExit = () => {};
    const stream = inTurns({ write: (text) => void written.push(text) }, (flush) => {
      atExit = flush;
    });
    return { written, stream, exit: () => atExit() };
  }

  it('are written together, at its end', async () => {
    const { written, stream } = sink();
    stream.write('a\n');
    stream.write('b\n');
    expect(written).toEqual([]);
    await turn();
    stream.write('c\n');
    await turn();
    expect(written).toEqual(['a\nb\n', 'c\n']);
  });

  it('are not lost where the process ends in it', () => {
    const { written, stream, exit } = sink();
    stream.write('last words\n');
    exit();
    expect(written).toEqual(['last words\n']);
  });
});
