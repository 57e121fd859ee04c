/** A ticket's code as a QR code: its modules, and they as SVG and PNG. */
import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'uqr';

/** What the standard asks for around the modules, on each side, for a reader to find them. */
const QUIET_MODULES = 4;
/** Of the PNG: 490 pixels a side, some 8 cm on a phone's screen. */
const PIXELS_PER_MODULE = 10;

/** Rows of modules, true where dark; as wide as high, without the quiet zone. */
export type QrModules = readonly (readonly boolean[])[];

/** Level M: a fold or a thumb may cover a seventh. */
export function qrModules(text: string): QrModules {
  return encode(text, { ecc: 'M', boostEcc: false, border: 0 }).data;
}

/** Neighbouring dark modules of a row as one: where it begins, and how long it is. */
export function qrBars(modules: QrModules) {
  return modules.flatMap((row, y) => {
    const bars: { readonly x: number; readonly y: number; length: number }[] = [];
    for (const [x, isDark] of row.entries()) {
      const last = bars.at(-1);
      if (!isDark) continue;
      if (last && last.x + last.length === x) last.length += 1;
      else bars.push({ x, y, length: 1 });
    }
    return bars;
  });
}

/** One path, sharp at any size; white below it, also on a dark page. */
export function qrSvg(text: string): string {
  const modules = qrModules(text);
  const side = modules.length + 2 * QUIET_MODULES;
  const path = qrBars(modules)
    .map(({ x, y, length }) => `M${x + QUIET_MODULES} ${y + QUIET_MODULES}h${length}v1h-${length}z`)
    .join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" ` +
    `shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${side}v${side}H0z"/>` +
    `<path d="${path}"/></svg>`
  );
}

/** Black and white, a bit a pixel. */
export function qrPng(text: string): Buffer {
  const modules = qrModules(text);
  const side = (modules.length + 2 * QUIET_MODULES) * PIXELS_PER_MODULE;
  const white: readonly boolean[] = [];
  const quiet = new Array<readonly boolean[]>(QUIET_MODULES).fill(white);
  const lines = [...quiet, ...modules, ...quiet].flatMap((row) =>
    new Array<Buffer>(PIXELS_PER_MODULE).fill(pixelLine(row, side)),
  );
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  // One bit of grey; the standard's only compression and filter; not interlaced.
  head.set([1, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A line of pixels, 1 for white; before them stands the line's filter: none. */
function pixelLine(row: readonly boolean[], side: number): Buffer {
  const line = Buffer.alloc(1 + Math.ceil(side / 8));
  for (let x = 0; x < side; x++) {
    if (row[Math.floor(x / PIXELS_PER_MODULE) - QUIET_MODULES]) continue;
    const at = 1 + (x >> 3);
    line[at] = (line[at] ?? 0) | (0x80 >> (x & 7));
  }
  return line;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const around = Buffer.alloc(8);
  around.writeUInt32BE(data.length, 0);
  around.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
}
