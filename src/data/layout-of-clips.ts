import path from 'node:path';
import { DERIVED_INPUTS, derivedInputs } from '../config/derived-inputs';
import { isSameLayout, isUnknownLayout, layoutInWords, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78, layoutOfOrder } from '../config/known-layouts';
import { readMeta } from './clip-checks';
import { DataError, FileError } from './data-error';
import { LAYOUT_FILE, readLayoutFile } from './layout-file';
import type { LocatedClip } from './locate-clips';
import { openClipArrays } from './places';
import { TransformPipeline } from './transforms/pipeline';

/** A layout of key points, and who says that clips have it, as `clips/keypoints.json says so`; undefined where nobody does and it is the usual one. */
export interface SaidLayout {
  readonly keypoints: KeypointLayout;
  readonly saidBy?: string | undefined;
}

/** Which key points clips must have: those that their data says, or those that a model takes, which says so. */
export type WantedKeypoints = 'of the data' | Required<SaidLayout>;

/** Clips that are looked at where no file says their layout. */
const LOOKED_AT = 3;

/**
 * The layout of a set's clips: what `keypoints.json` beside their folders says, else that which their `meta` names, else the usual 78 points.
 * @param folders of the clips, all of one layout.
 * @param key of the array that holds the values.
 * @throws DataError where another one is wanted, or two folders say two.
 */
export async function layoutOfClips(
  folders: readonly string[],
  clips: readonly Pick<LocatedClip, 'file' | 'missing'>[],
  key: string,
  wanted: WantedKeypoints,
): Promise<SaidLayout> {
  const found = (await saidByFiles(folders)) ?? (await saidByMeta(clips, key));
  if (wanted === 'of the data') return found ?? { keypoints: HOLISTIC_78 };
  if (found === undefined || isSameLayout(found.keypoints, wanted.keypoints)) return wanted;
  if (isUnknownLayout(wanted.keypoints) && widthOfLayout(found.keypoints) === widthOfLayout(wanted.keypoints)) return found;
  const problem = `its clips are ${layoutText(found.keypoints)}, ${found.saidBy}; expected ${layoutText(wanted.keypoints)}, ${wanted.saidBy}: give clips of that layout${orDerived(found, wanted)}`;
  throw new DataError([{ file: found.file, problem }]);
}

/** Where points of which only the number is known may as well be the clips' own, with what is computed of them: how that is said. */
function orDerived({ keypoints: found }: SaidLayout, { keypoints: wanted }: SaidLayout): string {
  if (!isUnknownLayout(wanted) || isUnknownLayout(found)) return '';
  const either = [false, true];
  const withBones = either.slice(0, found.bones.length > 0 ? 2 : 1);
  const ways = either.flatMap((motion) => withBones.flatMap((bones) => either.map((missingness) => ({ motion, bones, missingness }))));
  const way = ways.find(
    (inputs) => TransformPipeline.of(derivedInputs(inputs), found).widthOf(widthOfLayout(found)) === widthOfLayout(wanted),
  );
  if (way === undefined) return '';
  const flags = DERIVED_INPUTS.filter((name) => way[name]).map((name) => `--${name}`);
  return `; where the model sees beside these what is computed of them, say so: npm run convert -- import FILE ${flags.join(' ')}`;
}

interface FoundLayout extends Required<SaidLayout> {
  /** What says so. */
  readonly file: string;
}

function layoutText(layout: KeypointLayout): string {
  return isUnknownLayout(layout) ? layoutInWords(layout) : `${layout.name} (${layoutInWords(layout)})`;
}

async function saidByFiles(folders: readonly string[]): Promise<FoundLayout | undefined> {
  const said: FoundLayout[] = [];
  for (const place of new Set(folders.map((folder) => path.dirname(folder)))) {
    const keypoints = await readLayoutFile(place);
    const file = path.join(place, LAYOUT_FILE);
    if (keypoints !== undefined) said.push({ keypoints, file, saidBy: `as ${file} says` });
  }
  const [first, ...others] = said;
  const other = others.find(({ keypoints }) => first !== undefined && !isSameLayout(keypoints, first.keypoints));
  if (other === undefined || first === undefined) return first;
  const problem = `it says ${other.keypoints.name}, and ${first.file} says ${first.keypoints.name}; training and validation clips must be of one layout`;
  throw new DataError([{ file: other.file, problem }]);
}

/** What the first clips are, where they say it alike; a clip that cannot be read says nothing. */
async function saidByMeta(clips: readonly Pick<LocatedClip, 'file' | 'missing'>[], key: string): Promise<FoundLayout | undefined> {
  const there = clips.filter(({ missing }) => missing === undefined).slice(0, LOOKED_AT);
  const found = await Promise.all(there.map(async ({ file }) => layoutInClip(file, key)));
  const [first, ...others] = found;
  if (first === undefined || !others.every((other) => other !== undefined && isSameLayout(other, first))) return undefined;
  const [{ file } = { file: '' }] = there;
  return { keypoints: first, file, saidBy: first === HOLISTIC_78 ? 'by the width of its frames' : 'as their "meta" says' };
}

async function layoutInClip(file: string, key: string): Promise<KeypointLayout | undefined> {
  try {
    const arrays = await openClipArrays(file, key);
    if (!arrays.has(key)) return undefined;
    const { shape } = await arrays.read(key);
    const width = shape.length === 2 ? shape[1] : undefined;
    if (width === undefined) return undefined;
    if (width === widthOfLayout(HOLISTIC_78)) return HOLISTIC_78;
    const meta = arrays.has('meta') ? readMeta(await arrays.read('meta')) : undefined;
    return typeof meta === 'object' ? layoutOfOrder(width, meta.get('order')) : undefined;
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}
