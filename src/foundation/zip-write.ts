import { crc32, deflateRawSync } from 'node:zlib';
import { ZipContainer } from './zip-format';

/** Writes a zip file in one pass and without holding its entries' bytes. */
export class ZipWriter extends ZipContainer {
  /** Appends one entry, stored as it is or deflated. */
  add(name: string, data: Uint8Array, method: 'store' | 'deflate' = 'store'): void {
    const packed = method === 'store' ? data : deflateRawSync(data);
    this.addPacked({ name, method, packed, size: data.length, checksum: crc32(data) });
  }
}
