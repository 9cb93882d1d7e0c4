import path from 'node:path';
import { nearestName } from '../foundation/text';
import { ClipFolder, withoutExtension } from './clip-folder';
import type { DataProblem } from './data-error';
import type { ClipLabel } from './labels';

/** One labelled clip that is to be read. */
export interface LocatedClip {
  readonly label: ClipLabel;
  /** Where it lies; of a clip of pictures that is a folder, with `.npz` behind the folder's name. */
  readonly file: string;
  /** The labels CSV that names it. */
  readonly labelsFile: string;
  /** True where the file's name differs from the label's in its letters' case. */
  readonly otherCase: boolean;
  /** Where there is no such clip: what may be meant instead. */
  readonly missing?: { readonly advice: string | undefined };
}

/** Missing clips that a near name is looked for, and names that are compared for each: comparing all with all takes too long. */
const MOST_COMPARED = { clips: 20, names: 2000 } as const;

/**
 * Finds the files of labelled clips in their folder.
 * @returns the clips, and what is wrong where two lines name one file.
 */
export async function locateClips(
  folder: string,
  labelsFile: string,
  labels: readonly ClipLabel[],
): Promise<{ clips: readonly LocatedClip[]; problems: readonly DataProblem[] }> {
  const names = new ClipFolder(folder);
  const clips: LocatedClip[] = [];
  const problems: DataProblem[] = [];
  const lineOfFile = new Map<string, ClipLabel>();
  for (const label of labels) {
    const found = await names.find(label.name);
    const file = found.kind === 'found' ? found.file : path.join(folder, `${label.name}.npz`);
    const earlier = found.kind === 'found' ? lineOfFile.get(file) : undefined;
    if (earlier !== undefined) {
      const both = `clip "${label.name}" and "${earlier.name}" of line ${earlier.line} are one file, ${path.basename(file)}`;
      problems.push({ file: labelsFile, problem: `line ${label.line}: ${both}; keep one of them` });
      continue;
    }
    lineOfFile.set(file, label);
    const several =
      found.kind === 'several' ? `${found.names.join(' and ')} are there: name the right one with all its letters` : undefined;
    clips.push({
      label,
      file,
      labelsFile,
      otherCase: found.kind === 'found' && found.otherCase,
      ...(found.kind === 'found' ? {} : { missing: { advice: several } }),
    });
  }
  return { clips: await withNearNames(clips, names), problems };
}

/** What is said of a clip that is not there. */
export function missingProblem({ label, labelsFile, missing }: LocatedClip): string {
  const named = `no such file, though ${path.basename(labelsFile)} names it (line ${label.line})`;
  return missing?.advice === undefined ? `${named}; add the clip or remove the line` : `${named}; ${missing.advice}`;
}

/** Names, for a clip that is not there, a file that no label names and whose name is near. */
async function withNearNames(clips: readonly LocatedClip[], folder: ClipFolder): Promise<LocatedClip[]> {
  const claimed = new Set(clips.map(({ file }) => file));
  let compared = 0;
  const advised: LocatedClip[] = [];
  for (const clip of clips) {
    let near: string | undefined;
    if (clip.missing?.advice === undefined && clip.missing !== undefined && compared < MOST_COMPARED.clips) {
      compared++;
      const free = (await besideOrAtRoot(folder, clip.label.name)).filter((file) => !claimed.has(file)).slice(0, MOST_COMPARED.names);
      const byClip = new Map(free.map((file) => [withoutExtension(path.basename(file)), path.basename(file)]));
      near = byClip.get(nearestName(path.posix.basename(clip.label.name), byClip.keys()) ?? '');
    }
    const advice = `${near ?? ''} is there, which no line names: correct the line, add the clip or remove the line`;
    advised.push(near === undefined ? clip : { ...clip, missing: { advice } });
  }
  return advised;
}

/** What lies beside a clip; where its folder is not there, for labels may name the clips' own folder again, what lies at the root. */
async function besideOrAtRoot(folder: ClipFolder, name: string): Promise<readonly string[]> {
  const beside = await folder.beside(name);
  return beside.length > 0 ? beside : folder.beside(path.posix.basename(name));
}
