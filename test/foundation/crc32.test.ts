import { crc32 as ofZlib } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { crc32 } from '../../src/foundation/crc32';

it('gives the checksums that zlib gives', () => {
  const texts = ['', 'normalize', 'a sign of a sign language, told in a longer text'];
  expect(texts.map((text) => crc32(Buffer.from(text)))).toEqual(texts.map((text) => ofZlib(text)));
});
