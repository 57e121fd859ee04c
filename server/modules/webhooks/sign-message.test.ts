import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../kernel/root.ts';
import { secretsFrom } from '../../kernel/secrets.ts';
import { secretOf, signatureOf, signedHeaders } from './sign-message.ts';

const secrets = secretsFrom(Buffer.alloc(32, 7));
const endpointId = 'whe_00vtdzt3h1k4r';
const message = { id: 'whd_1', at: new Date(), body: '{"type":"order_placed","data":{"ä":"€"}}' };

describe('F13 a signature', () => {
  it('is that of the published vector', () => {
    // From the specification’s reference libraries, which all check this one.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const body = '{"test": 2432232314}';
    expect(signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, body)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('is taken by the reference library, and no other is', () => {
    const secret = secretOf(secrets, { endpointId, secretNo: 1 });
    const headers = { ...signedHeaders([secret], message) };
    expect(new Webhook(secret).verify(message.body, headers)).toEqual(JSON.parse(message.body));
    const other = secretOf(secrets, { endpointId, secretNo: 2 });
    expect(() => new Webhook(other).verify(message.body, headers)).toThrow('signature');
    expect(() => new Webhook(secret).verify(`${message.body} `, headers)).toThrow('signature');
    const renamed = { ...headers, 'webhook-id': 'whd_2' };
    expect(() => new Webhook(secret).verify(message.body, renamed)).toThrow('signature');
  });

  it('comes twice while two secrets are good; each of them takes it', () => {
    const both = [2, 1].map((secretNo) => secretOf(secrets, { endpointId, secretNo }));
    const headers = { ...signedHeaders(both, message) };
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const secret of both) {
      expect(new Webhook(secret).verify(message.body, headers)).toBeTruthy();
    }
  });
});

describe('what the documentation tells receivers to do', () => {
  it('takes what we send, and nothing else', () => {
    const text = readFileSync(join(projectRoot, 'docs/webhooks.md'), 'utf8');
    const code = /^```js\n(.*?)^```/ms.exec(text)?.[1] ?? '';
    const plain = code.replace(/^import .*$/m, '').replace('export function', 'function');
    const { isFromFanfare } = runInNewContext(`${plain}; ({ isFromFanfare })`, {
      Buffer,
      createHmac,
      timingSafeEqual,
    });
    const both = [2, 1].map((secretNo) => secretOf(secrets, { endpointId, secretNo }));
    const headers = signedHeaders(both, message);
    for (const secret of both) expect(isFromFanfare(secret, headers, message.body)).toBe(true);
    const other = secretOf(secrets, { endpointId, secretNo: 3 });
    expect(isFromFanfare(other, headers, message.body)).toBe(false);
    expect(isFromFanfare(both[0], headers, `${message.body} `)).toBe(false);
    const old = signedHeaders(both, { ...message, at: new Date(Date.now() - 400_000) });
    expect(isFromFanfare(both[0], old, message.body)).toBe(false);
    expect(isFromFanfare(both[0], {}, message.body)).toBe(false);
  });
});

describe('a secret', () => {
  it('is 32 bytes in base64 behind whsec_, another for each endpoint, number and instance', () => {
    const made = [
      secretOf(secrets, { endpointId, secretNo: 1 }),
      secretOf(secrets, { endpointId, secretNo: 2 }),
      secretOf(secrets, { endpointId: 'whe_00vtdzt3h1k4s', secretNo: 1 }),
      secretOf(secretsFrom(Buffer.alloc(32, 8)), { endpointId, secretNo: 1 }),
    ];
    expect(new Set(made).size).toBe(4);
    for (const secret of made) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
  });
});
