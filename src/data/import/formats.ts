import { UserError } from '../../foundation/errors';
import { describeFolder } from '../describe-folder';
import { clipArrays } from './clip-arrays';
import type { FolderListing } from './folder-listing';
import { frameArrays } from './frame-arrays';
import type { FormatName, LandmarkFormat, Recognised } from './landmark-format';
import { mediaPipeJson } from './mediapipe-json';
import { openPose } from './openpose';
import { poseFiles } from './pose-file';
import { csvTables, parquetTables } from './table-files';

/** All formats; where a folder is several, and equally much, the first. */
const FORMATS: readonly LandmarkFormat[] = [frameArrays, poseFiles, parquetTables, openPose, mediaPipeJson, csvTables, clipArrays];

/** A format that found clips in a folder. */
export interface RecognisedAs extends Recognised {
  readonly format: FormatName;
  /** What other formats found there as well, in words. */
  readonly besides: readonly string[];
}

/**
 * What a folder is: the format that was asked for, or the one that finds most clips in it.
 * @throws UserError that says what is there, and which formats there are.
 */
export async function recogniseFolder(listing: FolderListing, asked: FormatName | 'auto'): Promise<RecognisedAs> {
  const found = await formatsIn(listing);
  const chosen = asked === 'auto' ? found[0] : found.find(({ format }) => format === asked);
  if (chosen === undefined) throw new UserError(await unknownText(listing, asked, found));
  const besides = found.filter((other) => other !== chosen).map(({ found: words, clips }) => `${clips.length} × ${words}`);
  return { ...chosen, besides };
}

/** What the formats find in a folder, the most files first; nothing where it holds no landmarks. */
export async function formatsIn(listing: FolderListing): Promise<(Recognised & { readonly format: FormatName })[]> {
  const found: (Recognised & { readonly format: FormatName })[] = [];
  for (const format of FORMATS) {
    const recognised = await format.recognise(listing);
    if (recognised !== undefined) found.push({ ...recognised, format: format.name });
  }
  const files = ({ clips }: Recognised): number => clips.reduce((sum, clip) => sum + clip.files.length, 0);
  return found.sort((one, other) => files(other) - files(one));
}

async function unknownText(
  listing: FolderListing,
  asked: FormatName | 'auto',
  found: readonly { readonly format: FormatName }[],
): Promise<string> {
  const expected =
    asked === 'auto'
      ? `no landmarks that are known; expected one of these: ${FORMATS.map(({ name, title }) => `${title} (${name})`).join('; ')}`
      : `--from ${asked}: expected ${FORMATS.find(({ name }) => name === asked)?.title ?? asked}`;
  const others = found.length === 0 ? '' : ` It looks like ${found.map(({ format }) => `--from ${format}`).join(' or ')}.`;
  return `${listing.folder}: ${expected}.${others} Found: ${await describeFolder(listing.folder)}`;
}
