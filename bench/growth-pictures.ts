import { crc32, deflateSync } from 'node:zlib';
import { formatNpz } from '../src/data/npz';
import type { GrowthFamily } from './growth-family';

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const chunk = (type: string, data: Uint8Array): Buffer => {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))]);
};
/** A black picture of a square's side, of a byte a pixel, packed to a thousandth. */
function blackPng(side: number): Uint8Array {
  const rows = deflateSync(Buffer.alloc((side + 1) * side));
  const header = Buffer.concat([uint32(side), uint32(side), Buffer.from([8, 0, 0, 0, 0])]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Pictures, and what lies beside them, of few bytes that stand for many pixels. */
export const growthPictures: readonly GrowthFamily[] = [
  { title: 'picture: black pixels', reader: 'picture', write: (n: number) => blackPng(Math.floor(Math.sqrt(69 * n))) },
  {
    title: 'pictures: frames of a pixel',
    reader: 'pictures',
    write: (n: number) =>
      formatNpz({ frames: { dtype: 'uint8', shape: [Math.floor(n / 100), 1, 1, 3], values: new Uint8Array(3 * Math.floor(n / 100)) } }),
  },
  {
    title: 'pictures: one frame of few rows',
    reader: 'pictures',
    write: (n: number) =>
      formatNpz({
        frames: { dtype: 'uint8', shape: [Math.floor(n / 16_000), 1, 16_000, 3], values: new Uint8Array(48_000 * Math.floor(n / 16_000)) },
      }),
  },
];
