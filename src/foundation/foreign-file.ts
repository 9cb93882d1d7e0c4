/**
 * What a file is that was taken for another: as its first bytes tell, with what to do. A few kinds alone, those that really come in the place of checkpoints and
 * clips.
 * @param start the first bytes, 512 where there are as many.
 * @returns undefined for anything that is not known.
 */
export function foreignFile(start: Uint8Array): string | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  return (
    gitLfsPointer(bytes) ??
    SIGNATURES.find(({ at = 0, signature }) => bytes.subarray(at, at + signature.length).toString('latin1') === signature)?.kind ??
    textKind(bytes) ??
    protobufKind(bytes)
  );
}

/** {@link foreignFile} for the one kind that stands in for files of every type; undefined for anything else. */
export function gitLfsPointer(start: Uint8Array): string | undefined {
  if (!Buffer.from(start.buffer, start.byteOffset, start.byteLength).toString('latin1').startsWith(LFS_START)) return undefined;
  return 'it is a Git LFS pointer, which stands for the file that was not fetched: run git lfs pull in its repository';
}

const LFS_START = 'version https://git-lfs.github.com/spec/';

interface Signature {
  readonly signature: string;
  readonly at?: number;
  readonly kind: string;
}

const UNPACK = 'unpack it and name the file in it';
const OTHER_FRAMEWORK = 'Kumpas reads files of PyTorch and safetensors';

const SIGNATURES: readonly Signature[] = [
  { signature: '\x1f\x8b', kind: `it is compressed with gzip: ${UNPACK}` },
  { signature: 'BZh', kind: `it is compressed with bzip2: ${UNPACK}` },
  { signature: '\xfd7zXZ\0', kind: `it is compressed with xz: ${UNPACK}` },
  { signature: '\x28\xb5\x2f\xfd', kind: `it is compressed with zstd: ${UNPACK}` },
  { signature: '7z\xbc\xaf\x27\x1c', kind: `it is a 7z archive: ${UNPACK}` },
  { signature: 'Rar!\x1a\x07', kind: `it is a RAR archive: ${UNPACK}` },
  {
    at: 257,
    signature: 'ustar',
    kind: `it is a tar archive: ${UNPACK}; where it is a checkpoint of PyTorch before 0.1.10, load and save it again in a newer PyTorch`,
  },
  { signature: '\x89HDF\r\n\x1a\n', kind: `it is an HDF5 file, as Keras saves (.h5): ${OTHER_FRAMEWORK}` },
  { at: 4, signature: 'TFL3', kind: `it is a TensorFlow Lite model: ${OTHER_FRAMEWORK}` },
  { signature: 'GGUF', kind: `it is a GGUF file of llama.cpp: ${OTHER_FRAMEWORK}` },
  { signature: '\x93NUMPY', kind: 'it is a NumPy array (.npy), not the weights of a model' },
  { signature: '%PDF', kind: 'it is a PDF' },
  { signature: '\x89PNG', kind: 'it is a picture (PNG)' },
  { signature: '\xff\xd8\xff', kind: 'it is a picture (JPEG)' },
];

/** A page in place of a file, as a server sends it that wants a log-in or does not have the file. */
function textKind(bytes: Buffer): string | undefined {
  const text = bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .toLowerCase();
  const DOWNLOAD = 'a server sent it in place of the file; download that again, logged in where it must be';
  if (/^<(?:!doctype html|html|head|body)/.test(text)) return `it is an HTML page: ${DOWNLOAD}`;
  if (/^<\?xml|^<error>/.test(text)) return `it is an XML text, as an error is told: ${DOWNLOAD}`;
  return /^\{\s*"/.test(text) ? 'it is a JSON text, not the weights of a model' : undefined;
}

/** The protobufs of ONNX (a version, then who made it) and of TensorFlow (a version 1 and its graphs, or nodes at once). */
function protobufKind(bytes: Buffer): string | undefined {
  const [first, second, third, fourth = 0] = bytes;
  if (first === 0x08 && second === 0x01 && third === 0x12) return `it is a SavedModel of TensorFlow (.pb): ${OTHER_FRAMEWORK}`;
  const producer = bytes.subarray(4, 4 + fourth).toString('latin1');
  if (first === 0x08 && second !== undefined && second > 0 && second < 0x20 && third === 0x12 && /^[\w.\- ]+$/.test(producer))
    return `it is an ONNX model: ${OTHER_FRAMEWORK}; export the weights from the PyTorch model that it was made of`;
  return first === 0x0a && second !== undefined && third === 0x0a && /^[\w./]+$/.test(bytes.subarray(4, 4 + fourth).toString('latin1'))
    ? `it is a graph of TensorFlow (.pb): ${OTHER_FRAMEWORK}`
    : undefined;
}
