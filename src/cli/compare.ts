import { UserError } from '../foundation/errors';
import type { Command } from './command';
import type { CommandUsage } from './command-line';
import { dataFlags, labelledDataOf } from './data-flags';
import { modelFlags, optionalText, shapeOf } from './model-flags';
import { commonFlags, jsonFlag, type FlagTable } from './options';
import { plainCommand } from './plain-command';
import type { ComparisonRequest } from './run-comparison';

const { 'num-heads': numHeads, pooling, 'transform-input': transformInput } = modelFlags;

const compareFlags = {
  baseline: {
    string: true,
    group: 'Comparison:',
    description: 'The model that the others are set against.',
    defaultDescription: 'the first',
  },
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
  'num-heads': numHeads,
  pooling,
  'transform-input': transformInput,
  markdown: { type: 'boolean', group: 'Output:', description: 'Print Markdown, for a page or a pull request.' },
  'output-dir': {
    string: true,
    group: 'Output:',
    description: 'Where comparison.png, comparison.md and comparison.json are written; without it nothing is.',
  },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run compare --',
  summary: 'Compares trained models on the same clips: figures, differences, McNemar’s exact test, gains and losses by class.',
  takes: 'MODEL MODEL …',
  flags: compareFlags,
  examples: [
    [
      'npm run compare -- trained_models/transformer/transformer_baseline_09-20 trained_models/transformer/transformer_cls_09-21',
      'by what their evaluations found',
    ],
    ['npm run compare -- new/ old.pt --data clips/ --markdown', 'both evaluated now'],
    ['npm run compare -- released/ candidate/ --fail-if-worse 0.01', 'for CI: exits with 2 where the candidate is worse'],
  ],
};

/** The `compare` command. */
export const compareCommand: Command = plainCommand(usage, async (typed, terminal, positionals) => {
  const request: ComparisonRequest = {
    models: modelsOf(typed, positionals),
    shape: shapeOf(typed),
    ...labelledDataOf(typed),
    allowDifferentData: typed['allow-different-data'] === true,
    failIfWorse: toleranceOf(typed),
    outputDir: optionalText(typed, 'output-dir'),
    format: formatOf(typed),
    verbose: typed['verbose'] === true,
  };
  const { runComparison } = await import('./run-comparison.js'); // With TensorFlow: only when it is needed.
  return await runComparison(request, terminal);
});

/** The baseline first. */
function modelsOf(typed: Readonly<Record<string, unknown>>, named: readonly string[]): string[] {
  const baseline = optionalText(typed, 'baseline');
  const models = [...new Set(baseline === undefined ? named : [baseline, ...named])];
  if (models.length < 2)
    throw new UserError(`expected at least two models to compare, found ${models.length}; see ${usage.command} --help`);
  return models;
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
