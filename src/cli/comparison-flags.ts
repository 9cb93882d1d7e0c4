import { UserError } from '../foundation/errors';
import { dataFlags, labelledDataOf, checkpointFlags, optionalText, readingOf, shapeOf, type FlagTable } from './flags';
import type { ComparisonRequest } from './run-comparison';

/** Flags of the commands that compare models, besides the baseline. */
export const comparisonFlags = {
  'fail-if-worse': {
    string: true,
    group: 'Comparison:',
    description:
      'Exit with 2 where a model’s gloss or category accuracy is lower than the baseline’s by more than this: 0.01 is one in a hundred clips.',
  },
  'allow-different-data': {
    type: 'boolean',
    group: 'Comparison:',
    description: 'Go on where the models were evaluated on different clips.',
  },
  ...dataFlags,
  data: {
    string: true,
    group: 'Data:',
    description:
      'Folder laid out as for training: all models are evaluated on it now. Without any data flag their evaluation_results are compared.',
  },
  ...checkpointFlags,
  markdown: { type: 'boolean', group: 'Output:', description: 'Print Markdown, for a page or a pull request.' },
  'output-dir': {
    string: true,
    group: 'Output:',
    description: 'Where comparison.png, comparison.md and comparison.json are written; without it nothing is.',
  },
} as const satisfies FlagTable;

/** What was typed of a comparison, its models aside. @throws UserError for a flag without its value, or with a wrong one. */
export function comparisonOf(typed: Readonly<Record<string, unknown>>): Omit<ComparisonRequest, 'models' | 'titles' | 'judged'> {
  return {
    shape: shapeOf(typed),
    reading: readingOf(typed),
    ...labelledDataOf(typed),
    allowDifferentData: typed['allow-different-data'] === true,
    failIfWorse: toleranceOf(typed),
    outputDir: optionalText(typed, 'output-dir'),
    format: formatOf(typed),
    verbose: typed['verbose'] === true,
  };
}

function toleranceOf(typed: Readonly<Record<string, unknown>>): number | undefined {
  const text = optionalText(typed, 'fail-if-worse');
  if (text === undefined) return undefined;
  const tolerance = Number(text);
  if (tolerance >= 0 && tolerance < 1) return tolerance;
  throw new UserError(`--fail-if-worse: expected a share of the clips from 0 to below 1, as 0.01, found "${text}"`);
}

function formatOf(typed: Readonly<Record<string, unknown>>): ComparisonRequest['format'] {
  if (typed['json'] === true && typed['markdown'] === true) throw new UserError('--json and --markdown: give one of them');
  return typed['json'] === true ? 'json' : typed['markdown'] === true ? 'markdown' : 'text';
}
