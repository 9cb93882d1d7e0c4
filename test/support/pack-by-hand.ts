import { createHash } from 'node:crypto';
import path from 'node:path';
import { Header } from 'tar';
import { MANIFEST_FILE } from '../../src/zoo/pack/manifest';
import { packModel } from '../../src/zoo/pack/pack-model';
import { readTar, USUAL_LIMITS } from '../../src/zoo/tar/read-tar';
import { addModel } from './small-registry';

type HeaderFields = ConstructorParameters<typeof Header>[0];

/** One entry of a tar as an attacker writes it. */
export interface Entry {
  readonly path: string;
  readonly content?: Uint8Array | string;
  readonly fields?: Exclude<HeaderFields, Buffer | undefined> | undefined;
}

/** The header and the bytes of an entry. */
export function blocks({ path: name, content = '', fields }: Entry): Buffer {
  const bytes = Buffer.from(content);
  const header = new Header({ path: name, size: bytes.length, mode: 0o644, mtime: new Date(0), type: 'File', ...fields });
  const block = Buffer.alloc(512);
  header.encode(block);
  return Buffer.concat([block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** An archive of entries, and of further blocks before its end. */
export function tarOf(entries: readonly Entry[], more: readonly Buffer[] = []): Buffer {
  return Buffer.concat([...entries.map(blocks), ...more, Buffer.alloc(1024)]);
}

/** The model that {@link goodFiles} packs. */
export const NAME = 'transformer_shared_11-24';

/** The files of a pack that is well, by their paths. */
export async function goodFiles(folder: string): Promise<Map<string, Buffer>> {
  const root = path.join(folder, 'registry');
  const model = await addModel(root, 'shared');
  const file = path.join(folder, 'good.tar.gz');
  await packModel({ model, out: file, withLast: false, kumpas: '0.0.0' });
  const files = new Map<string, Buffer>();
  await readTar(file, { hidden: false, links: false, ...USUAL_LIMITS }, (entry) => {
    const pieces: Buffer[] = [];
    return {
      write: (bytes) => pieces.push(Buffer.from(bytes)),
      end: () => files.set(entry.path.slice(NAME.length + 1), Buffer.concat(pieces)),
    };
  });
  return files;
}

/** What a test changes of a manifest. */
export interface ManifestText {
  name: string;
  model: string;
  files: { path: string; bytes: number; sha256: string }[];
}

/** The entries of a pack, its manifest made to fit what is in it, then changed. */
export function packOf(files: ReadonlyMap<string, Uint8Array>, change: (manifest: ManifestText) => void = () => undefined): Entry[] {
  const manifest = JSON.parse(Buffer.from(files.get(MANIFEST_FILE) ?? '').toString()) as ManifestText;
  const content = [...files].filter(([inner]) => inner !== MANIFEST_FILE);
  manifest.files = content.map(([inner, bytes]) => ({
    path: inner,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  change(manifest);
  return [
    { path: `${NAME}/${MANIFEST_FILE}`, content: JSON.stringify(manifest) },
    ...content.map(([inner, bytes]) => ({ path: `${NAME}/${inner}`, content: bytes })),
  ];
}
