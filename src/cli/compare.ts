import { UserError } from '../foundation/errors';
import { type CommandUsage, plainCommand, type Command } from './command';
import { comparisonFlags, comparisonOf } from './comparison-flags';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from './flags';
import type { ComparisonRequest } from './run-comparison';

const compareFlags = {
  baseline: {
    string: true,
    group: 'Comparison:',
    description: 'The model that the others are set against.',
    defaultDescription: 'the first',
  },
  ...comparisonFlags,
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
    ...comparisonOf(typed),
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
