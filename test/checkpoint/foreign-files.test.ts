import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readTorchFile } from '../../src/checkpoint/torch-file';
import { ZipWriter } from '../../src/foundation/zip-write';
import { openNpz } from '../../src/data/npz';
import { foreignFile, gitLfsPointer } from '../../src/foundation/foreign-file';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-foreign-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`;

function refusal(content: string | Uint8Array, name = 'model.pt'): string {
  const file = path.join(folder, name);
  writeFileSync(file, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  try {
    readTorchFile(file, () => undefined);
  } catch (error) {
    return error instanceof Error ? error.message.replace(`${file}: `, '') : '';
  }
  return 'read';
}

function zipOf(...names: string[]): Buffer {
  const parts: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => parts.push(Uint8Array.from(bytes)));
  for (const name of names) zip.add(name, Buffer.from('N.'));
  zip.finish();
  return Buffer.concat(parts);
}

/** A pickle of protocol 2 that mentions a name, as torch.save and pickle.dump would write it. */
const mentioning = (module: string, name: string): string => `\x80\x02}q\x00X\x01\x00\x00\x00ac${module}\n${name}\n)Rs.`;

describe('a file in the place of a checkpoint', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['a Git LFS pointer', POINTER, /it is a Git LFS pointer.*run git lfs pull/],
    ['an HTML page', '\n <!DOCTYPE html><html></html>', /it is an HTML page/],
    ['a pointer behind a byte order mark', `\xef\xbb\xbf${POINTER}`, /it is a Git LFS pointer/],
    ['an HTML page behind comments', ' <!-- a -->\n<!-- b -->\n<html>', /it is an HTML page/],
    ['an XML error', '<?xml version="1.0"?><Error/>', /it is an XML text/],
    ['a JSON text', '{ "error": 404 }', /it is a JSON text/],
    ['gzip', gzipSync('abc'), /compressed with gzip/],
    ['xz', '\xfd7zXZ\0....', /compressed with xz/],
    ['7z', '7z\xbc\xaf\x27\x1c....', /a 7z archive/],
    ['tar', `${'a'.padEnd(257, '\0')}ustar\x0000`, /a tar archive.*before 0\.1\.10/],
    ['HDF5', '\x89HDF\r\n\x1a\n....', /an HDF5 file, as Keras saves/],
    ['ONNX', '\x08\x07\x12\x07pytorch\x1a\x05', /an ONNX model/],
    ['a SavedModel', '\x08\x01\x12\xa0\x01....', /a SavedModel of TensorFlow/],
    ['a graph of TensorFlow', '\x0a\x20\x0a\x05input\x12\x0b', /a graph of TensorFlow/],
    ['a NumPy array', '\x93NUMPY\x01\0', /a NumPy array/],
    ['a pickle of protocol 0', "(dp0\nS'a'\np1\nI1\ns.", /a Python pickle, but not one that torch\.save wrote/],
    ['a pickle of protocol 1', '}q\0(X\x01\0\0\0aq\x01K\x01u.', /a Python pickle, but not one that torch\.save wrote/],
    [
      'a pickle of protocol 5',
      '\x80\x05\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.',
      /a Python pickle, but not one that torch\.save wrote/,
    ],
    [
      'a stream of protocol 5',
      '\x80\x05\x95\x0d\0\0\0\0\0\0\0\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.',
      /^its pickle has protocol 5: save it with pickle_protocol=2/,
    ],
    ['a pickle of plain data', '\x80\x02}q\x00.', /a Python pickle.*pickle\.dump.*torch\.save\(pickle\.load/],
    [
      'a pickle of tensors',
      mentioning('torch._utils', '_rebuild_tensor_v2'),
      /^it is a Python pickle, but not one that torch\.save wrote[^]*$/,
    ],
    ['a pickle that runs something', mentioning('os', 'system'), /a Python pickle.*it is refused: it mentions os\.system.*Nothing was run/],
    ['a TorchScript program', zipOf('m/data.pkl', 'm/code/__torch__.py', 'm/constants.pkl'), /a TorchScript program/],
    ['a program of torch.export', zipOf('m/archive_format', 'm/models/model.json'), /a program of torch\.export/],
    ['a Keras model', zipOf('metadata.json', 'config.json', 'model.weights.h5'), /a Keras model/],
    ['a checkpoint in a zip file', zipOf('best.pt', 'notes.txt'), /a zip file that a checkpoint was packed into/],
  ])('is told by what it is: %s', (_what, content, message) => {
    expect(refusal(content)).toMatch(message);
    expect(refusal(content)).toMatch(/^[^\n]+$/);
  });

  it('that is a compressed TorchScript program is not told to be zipped anew', () => {
    const zip = zipOf('m/code/__torch__.py', 'm/data.pkl', 'm/constants.pkl');
    zip.writeUInt16LE(8, zip.indexOf(Buffer.from('PK\x01\x02', 'latin1')) + 10);
    expect(refusal(zip)).toMatch(/a TorchScript program/);
  });

  it('is told in a clip’s place too', async () => {
    const file = path.join(folder, 'clip.npz');
    writeFileSync(file, POINTER);
    await expect(openNpz(file)).rejects.toThrow(/clip\.npz: it is a Git LFS pointer.*git lfs pull/);
    writeFileSync(file, '<!-- a log-in --><html></html>');
    await expect(openNpz(file)).rejects.toThrow(/clip\.npz: it is an HTML page/);
    writeFileSync(file, gzipSync('abc'));
    await expect(openNpz(file)).rejects.toThrow(/clip\.npz: it is compressed with gzip/);
  });

  it('is not taken for one of these where it is none', () => {
    for (const bytes of ['', 'hello', '\x08', '\x0a\x02', 'version 2'].map((text) => Buffer.from(text, 'latin1'))) {
      expect(foreignFile(bytes)).toBeUndefined();
      expect(gitLfsPointer(bytes)).toBeUndefined();
    }
  });
});
