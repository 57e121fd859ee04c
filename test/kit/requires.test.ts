import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { applies, exportFound, requireEngine } from './requires.ts';

let folder: string;
let skips: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-requires-'));
  skips = join(folder, 'skips');
  vi.stubEnv('FANFARE_SKIPS', skips);
  vi.stubEnv('FANFARE_REQUIRE', '');
  vi.stubEnv('FANFARE_CHROMIUM', '');
  vi.stubEnv('CHROMIUM_PATH', '');
  vi.stubEnv('PATH', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const program = (name: string): string => {
  const path = join(folder, name);
  writeFileSync(path, '', { mode: 0o755 });
  return path;
};

const recorded = (): unknown[] =>
  readFileSync(skips, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a service that a test needs', () => {
  it('is found on the path, where it was named, and under its other name', () => {
    const onPath = program('chromium-browser');
    expect(requireEngine('chromium')).toBe(onPath);
    const named = program('my-chromium');
    vi.stubEnv('CHROMIUM_PATH', named);
    expect(requireEngine('chromium')).toBe(named);
  });

  it('is not found where it was named but is not; the reason is recorded with the file', () => {
    program('chromium');
    vi.stubEnv('FANFARE_CHROMIUM', join(folder, 'nowhere'));
    expect(requireEngine('chromium')).toBeUndefined();
    expect(recorded()).toEqual([
      {
        file: 'test/kit/requires.test.ts',
        reason: 'no Chromium: install it, or set FANFARE_CHROMIUM to its program',
      },
    ]);
  });

  it.each(['chromium', 'redis, chromium', 'all'])('is demanded by FANFARE_REQUIRE=%s', (demand) => {
    vi.stubEnv('FANFARE_REQUIRE', demand);
    expect(() => requireEngine('chromium')).toThrow('FANFARE_REQUIRE asks for chromium, but');
  });

  it('is not demanded by the name of another', () => {
    vi.stubEnv('FANFARE_REQUIRE', 'kafka');
    expect(requireEngine('chromium')).toBeUndefined();
  });

  it('is told to the programs that tests start', () => {
    const path = program('chromium');
    exportFound();
    expect(process.env['FANFARE_CHROMIUM']).toBe(path);
  });
});

describe('a need that nothing installed can meet', () => {
  it('is recorded when it is not met, and never demanded', () => {
    vi.stubEnv('FANFARE_REQUIRE', 'all');
    expect(applies(true, 'needs an odd day')).toBe(true);
    expect(applies(false, 'needs an even day')).toBe(false);
    expect(recorded()).toEqual([
      { file: 'test/kit/requires.test.ts', reason: 'needs an even day' },
    ]);
  });
});
