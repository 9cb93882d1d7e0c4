import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { writeFileAtomically } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { warningsTo, type Hooks } from '../../foundation/hooks';
import { canDraw, drawnOrTold } from '../pictures/drawing';
import { curvesBeside, type TrainingCurves } from '../training-curves';

/** What {@link compareCurves} is asked for. */
export interface CompareCurvesOptions {
  /** Model folders, or checkpoints in them. */
  readonly models: readonly string[];
  /** The folder to write `comparison_curves.png` into; nothing is written without it. */
  readonly out?: string;
}

/** What {@link compareCurves} found. */
export interface ComparedCurves {
  readonly runs: readonly TrainingCurves[];
  /** What was written. */
  readonly files: readonly string[];
}

/** More lines than that nobody tells apart. */
const MOST_RUNS = 12;

/**
 * Sets the curves of trainings side by side: by their logs, also where they still run.
 * @throws UserError where one has no log, or there are more than twelve.
 */
export async function compareCurves({ models, out }: CompareCurvesOptions, hooks: Hooks = {}): Promise<ComparedCurves> {
  if (models.length === 0) throw new UserError('expected the folders of trainings to show, found none');
  if (models.length > MOST_RUNS)
    throw new UserError(`expected at most ${MOST_RUNS} trainings, found ${models.length}: more lines cannot be told apart`);
  const runs = models.map(curvesOf);
  if (out === undefined) return { runs, files: [] };
  const onWarning = warningsTo(hooks);
  if (!(await canDraw(onWarning))) return { runs, files: [] };
  const [{ curvesOfRunsPicture }, { lightTheme }] = await Promise.all([
    import('../pictures/curves-of-runs.js'),
    import('../pictures/drawing.js'),
  ]);
  const file = path.join(out, 'comparison_curves.png');
  const png = drawnOrTold(file, () => curvesOfRunsPicture(runs, lightTheme), onWarning);
  if (png === undefined) return { runs, files: [] };
  writeFileAtomically(file, (append) => {
    append(png);
  });
  return { runs, files: [file] };
}

function curvesOf(named: string): TrainingCurves {
  if (!existsSync(named)) throw new UserError(`${named}: no such file or folder`);
  const folder = statSync(named).isDirectory() ? named : path.dirname(modelFile(named, named));
  const points = curvesBeside(path.join(folder, 'checkpoint'));
  const [first] = points;
  if (first === undefined) throw new UserError(`${named}: there is no log of a training in it, or no epoch has ended`);
  const best = points.reduce((most, point) => (point.gloss_acc > most.gloss_acc ? point : most), first);
  return { title: path.basename(path.resolve(folder)), folder, points, best };
}

/** The folders of the trainings that wrote last, the newest first: those in some folders that have a log. */
export function newestTrainings(saveFolders: readonly string[], most: number): string[] {
  return saveFolders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }).map((entry) => ({ entry, place: path.join(folder, entry.name) })))
    .filter(({ entry }) => entry.isDirectory() && !entry.name.startsWith('.'))
    .flatMap(({ place }) => {
      const log = new ModelFolder(place).logThere();
      return log === undefined ? [] : [{ place, changed: statSync(log).mtimeMs }];
    })
    .sort((one, other) => other.changed - one.changed)
    .slice(0, most)
    .map(({ place }) => place);
}
