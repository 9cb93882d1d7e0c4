import { readClip } from '../../data/clip';
import type { ExaminedSet, Validation } from '../../data/checks/validate';
import { examineSet, setOptions, validationOf } from '../../data/checks/validate';
import { byKind, subjectOf } from '../../data/checks/findings';
import type { Options } from '../../config/layers';
import { requiredOption, text } from '../../config/setting';
import { writeTextAtomically } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { warningsTo, type Hooks } from '../../foundation/hooks';
import { canDraw, darkTheme, drawnOrTold, lightTheme, type Theme } from '../pictures/drawing';
import { setPage, STRIPS_OF_A_KIND, type SetPictures } from './set-page';

/** The options of the library's `reportSet`. */
export const setReportOptions = {
  ...setOptions,
  out: requiredOption(text('the path of a file'), { group: 'Data', description: 'The page to write, an .html.' }),
} as const;

/** Strips of a page, of all kinds of findings together. */
const MOST_STRIPS = 60;

/**
 * Checks a set as `validateSet` does, and writes what was found as one page with pictures: an HTML file that holds all it needs.
 * @throws UserError where there is no such set, or the page cannot be written.
 */
export async function reportSet({ out, ...options }: Options<typeof setReportOptions>, hooks: Hooks = {}): Promise<Validation> {
  if (!/\.html?$/i.test(out)) throw new UserError(`${out}: a report is a page; name a file that ends in .html`);
  const examined = await examineSet(options, hooks);
  const validation = validationOf(examined);
  writeTextAtomically(out, setPage(validation, await picturesOf(examined, warningsTo(hooks)), new Date()));
  return validation;
}

async function picturesOf({ set, clips, findings }: ExaminedSet, onWarning: (warning: string) => void): Promise<SetPictures | undefined> {
  if (!(await canDraw(onWarning))) return undefined;
  const { classesPicture, lengthsPicture } = await import('../pictures/set-charts.js');
  const { clipStrip } = await import('../pictures/clip-strip.js');
  const lengths = clips.map(({ content: { frames } }) => frames);
  const classes = set.names.gloss.map((name, id) => {
    const ofClass = set.clips.filter(({ label }) => label?.gloss === id);
    const held = ofClass.filter(({ split }) => split === 'validation' || split === 'test').length;
    return { name, trained: ofClass.length - held, held };
  });
  const themed = (name: string, isThere: boolean, draw: (theme: Theme) => Buffer): SetPictures['lengths'] => {
    if (!isThere) return undefined;
    const [light, dark] = [lightTheme, darkTheme].map((theme) => drawnOrTold(name, () => draw(theme), onWarning));
    return light && dark && { light, dark };
  };
  const strips = new Map<string, Buffer>();
  const { keypoints } = set.format;
  const usable = new Set(clips.map(({ clip }) => clip.file));
  const worst = byKind(findings).flatMap((group) => group.findings.slice(0, STRIPS_OF_A_KIND).map(subjectOf));
  for (const file of [...new Set(worst)].filter((each) => usable.has(each)).slice(0, MOST_STRIPS)) {
    if (keypoints === undefined) break;
    const clip = await readClip(file, set.format);
    const strip = drawnOrTold(`the strip of ${file}`, () => clipStrip(clip, keypoints), onWarning);
    if (strip !== undefined) strips.set(file, strip);
  }
  return {
    lengths: themed('the lengths of the clips', lengths.length > 0, (theme) => lengthsPicture(lengths, theme)),
    classes: themed('the clips of the glosses', classes.length > 0, (theme) => classesPicture(classes, theme)),
    strips,
  };
}
