import { comparisonOptions } from '../../evaluation/options';
import { UserError } from '../../foundation/errors';
import type { ModelDefinitions } from '../../models/model-table';
import { findModelOrRelease, placeOf, releaseBefore, type ReleasedBaseline } from '../../zoo/registered-models';
import { verbCommand, type Command } from '../command';
import { comparisonFlags, showComparison } from '../compare';
import { optionalText } from '../flags';
import { registryFlags, rootOf, modelsOf } from './registry-flags';

const command = 'npm run models -- compare';

/** `models compare`. */
export const compareModelsCommand: Command = verbCommand(
  {
    command,
    takes: 'NAME …',
    summary:
      'Compares models of the registry, NAME or NAME@1.0.0, with a baseline: figures, gains and losses by gloss, calibration, and a verdict that says what chance explains.',
    options: comparisonOptions,
    flags: {
      baseline: {
        string: true,
        group: 'Comparison:',
        description: 'The model or release (NAME@1.0.0) that the others are set against.',
        defaultDescription: 'the last release of the first, or of the model that it follows',
      },
      ...comparisonFlags,
      ...registryFlags,
    },
    examples: [
      [`${command} transformer_baseline_09-20`, 'with its last release'],
      [
        `${command} transformer_cls_09-21 --baseline transformer_baseline_09-20@1.0.0 --fail-if-worse 0.01`,
        'for CI: exits with 2 where it is worse',
      ],
      [`${command} transformer_baseline_09-20@1.1.0 --data clips/ --markdown`, 'with the release before, both evaluated now'],
    ],
  },
  async (typed, terminal) => {
    const places = comparedPlaces(
      { root: rootOf(typed.flags), known: modelsOf(typed.flags) },
      typed.positionals,
      optionalText(typed.flags, 'baseline'),
    );
    const models = places.map(({ folder }) => folder);
    const titles = new Map(places.map(({ folder, title }) => [folder, title]));
    return await showComparison({ models, titles, judged: true }, typed, terminal);
  },
);

/** The baseline first. @throws UserError where there is nothing to compare, or nothing to compare with. */
function comparedPlaces(
  { root, known }: { readonly root: string; readonly known: ModelDefinitions },
  names: readonly string[],
  baseline: string | undefined,
): ReleasedBaseline[] {
  const [first, ...others] = names.map((name) => findModelOrRelease(root, name, known));
  if (first === undefined) throw new UserError(`${command}: name at least one model; npm run models -- list shows them`);
  const before = baseline === undefined ? releaseBefore(root, first) : placeOf(findModelOrRelease(root, baseline, known));
  if (before === undefined) {
    throw new UserError(
      `${placeOf(first).title}: there is no release to compare it with, neither its own nor one of a model that it follows; give --baseline NAME or NAME@VERSION`,
    );
  }
  const compared = [first, ...others].map(placeOf).filter(({ folder }) => folder !== before.folder);
  const places = [before, ...new Map(compared.map((place) => [place.folder, place])).values()];
  if (places.length < 2) throw new UserError(`${before.title}: it is the baseline itself; name another model`);
  return places;
}
