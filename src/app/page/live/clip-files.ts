import { COLLECTION_CLIPS, COLLECTION_LABELS, collectionRows, REFERENCE } from '../../../data/collections/collection-rows';
import { clipArrays, type KeypointClip } from '../../../data/keypoint-clip';
import { formatNpy } from '../../../data/npy-write';
import { crc32 } from '../../../foundation/crc32';
import { joinedBytes } from '../../../foundation/joined-bytes';
import { ZipContainer } from '../../../foundation/zip-format';
import { csvText } from '../shared/csv';

/** A clip that was recorded, and the sign that it shows. */
export interface LabelledClip {
  readonly name: string;
  readonly sign: string;
  readonly clip: KeypointClip;
}

/** A clip as the bytes of an `.npz`: the arrays and the meta that clips of videos have. */
export function npzOfClip({ name, sign, clip }: LabelledClip): Uint8Array<ArrayBuffer> {
  const gloss = sign === '' ? {} : { gloss: sign };
  const arrays = clipArrays({ ...clip, meta: { file: name, ...gloss, ...clip.meta } });
  return zipOf(Object.entries(arrays).map(([key, array]) => [`${key}.npy`, formatNpy(array)]));
}

/** Clips as the bytes of a zip file that unpacks to a collection, which `train --data` and `data split` take. */
export function zipOfClips(clips: readonly LabelledClip[]): Uint8Array<ArrayBuffer> {
  const placed = clips.map((clip) => ({ ...clip, name: `${folderOf(clip.sign)}/${clip.name}` }));
  const { labels, reference } = collectionRows(placed);
  const text = (rows: typeof labels): Uint8Array =>
    new TextEncoder().encode(csvText(rows.map((row) => row.map((cell) => String(cell ?? '')))));
  return zipOf([
    ...placed.map((clip): [string, Uint8Array] => [`${COLLECTION_CLIPS}/${clip.name}.npz`, npzOfClip(clip)]),
    [COLLECTION_LABELS, text(labels)],
    [REFERENCE, text(reference)],
  ]);
}

/** A sign as the name of a folder. */
function folderOf(sign: string): string {
  return sign.normalize('NFC').replaceAll(/[^\p{L}\p{M}\p{N}_-]+/gu, '_');
}

/** Files as the bytes of a zip file, stored as they are. */
function zipOf(files: readonly (readonly [name: string, bytes: Uint8Array])[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const zip = new ZipContainer((bytes) => parts.push(bytes), 1);
  for (const [name, packed] of files) zip.addPacked({ name, method: 'store', packed, size: packed.length, checksum: crc32(packed) });
  zip.finish();
  return joinedBytes(parts);
}
