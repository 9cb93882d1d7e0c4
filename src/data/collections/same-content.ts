import { createHash } from 'node:crypto';
import { NPZ } from '../clip-names';
import { digestOfValues } from '../clip-set';
import { readBoundedFile } from '../file-reading';
import { declaredChecksum, MAX_BYTES, openNpz } from '../npz';

/** What tells whether two files hold the same clip. */
export interface ClipContent {
  /** sha256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Of clips with the same values it is the same, and seldom of others: the checksum that the `.npz` declares of them, else `sha256`. */
  readonly likeness: string;
}

/** @param key the array that holds the values. */
export async function contentOfClip(file: string, key: string): Promise<ClipContent> {
  const bytes = await readBoundedFile(file, MAX_BYTES, 'cut the clip');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const likeness = NPZ.test(file) ? declaredChecksum(bytes, key) : undefined;
  return { sha256, likeness: likeness ?? sha256 };
}

/** A clip with its content and the part that it is in. */
export interface PlacedClip {
  readonly name: string;
  readonly file: string;
  readonly part: string;
  readonly content: ClipContent;
}

/** Clips of the same values that are in different parts: each with the first of its values in another part. */
export async function sameInOtherParts(
  clips: readonly PlacedClip[],
  key: string,
): Promise<{ readonly one: PlacedClip; readonly other: PlacedClip }[]> {
  const alike = new Map<string, PlacedClip[]>();
  for (const clip of clips) {
    const group = alike.get(clip.content.likeness);
    if (group === undefined) alike.set(clip.content.likeness, [clip]);
    else group.push(clip);
  }
  const pairs: { readonly one: PlacedClip; readonly other: PlacedClip }[] = [];
  for (const group of alike.values()) {
    if (new Set(group.map(({ part }) => part)).size < 2) continue;
    const seen: { readonly clip: PlacedClip; readonly values: string }[] = [];
    for (const clip of group) {
      const values = await valuesOf(clip, key);
      const one = seen.find((earlier) => earlier.values === values && earlier.clip.part !== clip.part);
      if (one !== undefined) pairs.push({ one: one.clip, other: clip });
      seen.push({ clip, values });
    }
  }
  return pairs;
}

async function valuesOf({ file, content }: PlacedClip, key: string): Promise<string> {
  if (content.likeness === content.sha256) return content.sha256;
  const { dtype, values } = await (await openNpz(file)).read(key);
  return dtype === 'text' ? content.sha256 : digestOfValues(Float32Array.from(values as ArrayLike<number>, Number));
}
