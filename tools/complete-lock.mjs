/**
 * Completes package-lock.json after a change of dependencies. npm leaves out the optional packages
 * of platforms whose packages it could not see, and then `npm ci` refuses its own lock on every
 * machine. What is added says only what npm would: version, platform, optional.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const path = join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const added = [];

for (const [owner, { optionalDependencies = {}, dev }] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const places = [`${owner}/node_modules/${name}`, `node_modules/${name}`];
    if (places.some((place) => lock.packages[place])) continue;
    lock.packages[`node_modules/${name}`] = entryFor(name, version, dev);
    added.push(name);
  }
}

function entryFor(name, version, dev) {
  const parts = name.split('/').pop().split('-');
  const at = parts.findIndex((part) => systems.includes(part));
  const [os, cpu, abi = ''] = parts.slice(at);
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev: true } : {}),
    optional: true,
    os: [os],
    ...(os === 'linux' ? { libc: [abi.includes('musl') ? 'musl' : 'glibc'] } : {}),
  };
}

const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries(sorted);
if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length > 0 ? `added ${added.join(', ')}` : 'the lock is complete');
