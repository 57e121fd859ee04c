import { inflateSync } from 'node:zlib';
import jsqr from 'jsqr';
import { describe, expect, it } from 'vitest';
import { qrBars, qrModules, qrPng, qrSvg } from './qr-code.ts';

/** As long as a code is, in its alphabet. */
const code = `F1${'0123456789ABCDEFGHJKMNPQRSTVWXYZ'.repeat(5).slice(0, 150)}`;
const MODULES = 41;
const SIDE = MODULES + 8;

// Its types speak of a member `default`; what the package gives is the function itself.
const scan = jsqr as unknown as typeof jsqr.default;

/** What a reader sees that was written by others; `isDark` by column and row of a picture. */
function read(side: number, isDark: (x: number, y: number) => boolean): string | undefined {
  const rgba = new Uint8ClampedArray(side * side * 4);
  for (let at = 0; at < side * side; at++) {
    rgba.fill(isDark(at % side, Math.floor(at / side)) ? 0 : 255, at * 4, at * 4 + 3);
    rgba[at * 4 + 3] = 255;
  }
  return scan(rgba, side, side)?.data;
}

/** The pixels of a PNG of one bit a pixel, and the sizes it says. */
function pixelsOf(png: Buffer) {
  const side = png.readUInt32BE(16);
  const at = png.indexOf('IDAT');
  const data = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  const lineBytes = 1 + Math.ceil(side / 8);
  const isDark = (x: number, y: number) =>
    (((data[y * lineBytes + 1 + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1) === 0;
  return { side, height: png.readUInt32BE(20), isDark };
}

describe('the QR code of a ticket', () => {
  it('is of version 6: 41 by 41 modules', () => {
    const modules = qrModules(code);
    expect(modules).toHaveLength(MODULES);
    expect(modules.every((row) => row.length === MODULES)).toBe(true);
  });

  it('is read by another program from its PNG', () => {
    const { side, height, isDark } = pixelsOf(qrPng(code));
    expect([side, height]).toEqual([SIDE * 10, SIDE * 10]);
    expect(read(side, isDark)).toBe(code);
  });

  it('is read from its SVG, whose path is its modules', () => {
    const svg = qrSvg(code);
    expect(svg).toContain(`viewBox="0 0 ${SIDE} ${SIDE}"`);
    const dark = new Set<string>();
    for (const [, x, y, length] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
      for (let i = 0; i < Number(length); i++) dark.add(`${Number(x) + i} ${y}`);
    }
    const scale = 4;
    const isDark = (x: number, y: number) =>
      dark.has(`${Math.floor(x / scale)} ${Math.floor(y / scale)}`);
    expect(read(SIDE * scale, isDark)).toBe(code);
    expect(read(SIDE * scale, () => false)).toBeUndefined();
  });

  it('is still read where a seventh of a corner is covered', () => {
    const { side, isDark } = pixelsOf(qrPng(code));
    const covered = (x: number, y: number) => x > side * 0.8 && y > side * 0.8;
    expect(read(side, (x, y) => !covered(x, y) && isDark(x, y))).toBe(code);
  });

  it('has bars that are its dark modules, none twice', () => {
    const modules = qrModules(code);
    const bars = qrBars(modules);
    const dark = modules.flat().filter(Boolean).length;
    expect(bars.reduce((sum, { length }) => sum + length, 0)).toBe(dark);
    for (const { x, y, length } of bars) {
      expect(modules[y]?.slice(x, x + length).every(Boolean)).toBe(true);
    }
  });
});
