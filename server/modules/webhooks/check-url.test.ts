import { describe, expect, it } from 'vitest';
import { urlProblem } from './check-url.ts';

describe('a URL', () => {
  it.each([
    'https://example.org/hooks',
    'https://example.org:8443/hooks?tenant=7',
    'https://xn--bcher-kva.example/',
    'https://1.1.1.1/hooks',
    'https://[2606:4700:4700::1111]/hooks',
  ])('%s may be used', (url) => {
    expect(urlProblem(url, false)).toBeNull();
  });

  it.each([
    ['example.org/hooks', 'is not a URL'],
    ['http://example.org/', 'must start with https://'],
    ['gopher://example.org/', 'must start with https://'],
    ['file:///etc/passwd', 'must start with https://'],
    ['https://user:secret@example.org/', 'must not contain a name or a password'],
    ['https://example.org/#here', 'must not have a fragment'],
    ['https://example.org:22/', 'must not name the port 22'],
    ['https://example.org:25/', 'must not name the port 25'],
    ['https://example.org:80/', 'must not name the port 80'],
    ['https://example.org:6379/', 'must not name the port 6379'],
    ...[
      ...['https://localhost/', 'https://localhost./', 'https://app/', 'https://a.localhost/'],
      ...['https://metadata.google.internal/', 'https://printer.local/', 'https://127.0.0.1/'],
      ...['https://127.1/', 'https://2130706433/', 'https://0x7f000001/', 'https://0177.0.0.1/'],
      ...['https://10.0.0.1/', 'https://169.254.169.254/', 'https://100.64.0.1/'],
      ...['https://[::1]/', 'https://[::ffff:127.0.0.1]/', 'https://[64:ff9b::7f00:1]/'],
      ...['https://[fd00:ec2::254]/', 'https://[fe80::1]/', 'https://１２７.0.0.1/'],
    ].map((url) => [url, 'must lead to a public address']),
  ])('%s may not: it %s', (url, problem) => {
    expect(urlProblem(url, false)).toBe(problem);
  });

  it('may lead to this machine where that is allowed, over HTTP too', () => {
    expect(urlProblem('http://127.0.0.1:4000/hooks', true)).toBeNull();
    expect(urlProblem('gopher://127.0.0.1:4000/hooks', true)).toBe('must start with https://');
    expect(urlProblem('http://a:b@127.0.0.1:4000/', true)).toContain('password');
  });
});
