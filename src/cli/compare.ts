import path from 'node:path';
import { defaultSaveFolders } from '../config/model-settings';
import type { Compared } from '../evaluation/compare/compare';
import { comparisonOptions } from '../evaluation/options';
import { UserError } from '../foundation/errors';
import type { WorkEvent } from '../foundation/hooks';
import { required } from '../foundation/required';
import { percent } from '../foundation/text';
import { ownModels } from '../models/model-table';
import { verbCommand, type Command, type Typed } from './command';
import { jsonFlag, optionalText, type FlagTable } from './flags';
import { pathOfModel, ownModelFlags } from './model-flags';
import { hooksOf } from './progress';
import { columns } from './quantities';
import type { Terminal } from './terminal';

/** The exit code for a model that is worse than it may be. */
const REGRESSION_EXIT_CODE = 2;

/** The flags of commands that compare, beside the verb's options. */
export const comparisonFlags = {
  markdown: { type: 'boolean', group: 'Output:', description: 'Print Markdown, for a page or a pull request.' },
  ...jsonFlag,
} as const satisfies FlagTable;

/** Trainings that are shown where none is named. */
const NEWEST = 5;

const command = 'npm run compare --';

/** The `compare` command. */
export const compareCommand: Command = verbCommand(
  {
    command,
    summary: 'Compares trained models on the same clips: figures, differences, McNemar’s exact test, gains and losses by class.',
    takes: 'MODEL MODEL …',
    options: comparisonOptions,
    flags: {
      ...ownModelFlags,
      baseline: {
        string: true,
        group: 'Comparison:',
        description: 'The model that the others are set against.',
        defaultDescription: 'the first',
      },
      curves: {
        type: 'boolean',
        group: 'Output:',
        description: `Set the curves of the trainings side by side, those that still run too, in comparison_curves.png; without MODELs the newest ${NEWEST}.`,
      },
      ...comparisonFlags,
    },
    examples: [
      ['npm run compare -- transformer_baseline_09-20 transformer_cls_09-21', 'by what their evaluations found'],
      ['npm run compare -- new/ old.pt --data clips/ --markdown', 'both evaluated now'],
      ['npm run compare -- released/ candidate/ --fail-if-worse 0.01', 'for CI: exits with 2 where the candidate is worse'],
      ['npm run compare -- --curves', 'how the newest trainings went, as a picture and a table'],
    ],
  },
  async (typed, terminal) => {
    const baseline = optionalText(typed.flags, 'baseline');
    const named = baseline === undefined ? typed.positionals : [baseline, ...typed.positionals];
    const models = [...new Set(await Promise.all(named.map(pathOfModel)))];
    if (typed.flags['curves'] === true) return await showCurves(models, typed, terminal);
    if (models.length < 2) throw new UserError(`expected at least two models to compare, found ${models.length}; see ${command} --help`);
    return await showComparison({ models }, typed, terminal);
  },
);

/** Draws the curves of trainings, and prints where they came to. */
async function showCurves(
  named: readonly string[],
  { options: { out = '.' }, flags }: Pick<Typed<typeof comparisonOptions>, 'options' | 'flags'>,
  { output, errors }: Terminal,
): Promise<number> {
  const { compareCurves, newestTrainings } = await import('../evaluation/compare/compare-curves.js');
  const models = named.length > 0 ? named : newestTrainings(defaultSaveFolders(ownModels), NEWEST);
  const warn = (event: WorkEvent): void => {
    if (event.kind === 'warning') errors.write(`warning: ${event.text}\n`);
  };
  const { runs, files } = await compareCurves({ models, out }, { onEvent: warn });
  if (flags['json'] === true) output.write(`${JSON.stringify({ runs, files }, null, 2)}\n`);
  else {
    const header = ['training', 'epochs', 'best epoch', 'best gloss accuracy', 'last', 'last validation loss'];
    const rows = runs.map(({ title, points, best }) => {
      const last = required(points.at(-1), 'the last epoch');
      return [title, String(last.epoch), String(best.epoch), percent(best.gloss_acc), percent(last.gloss_acc), last.val_loss.toFixed(3)];
    });
    output.write(`${columns([header, ...rows]).join('\n')}\n`);
    if (files.length > 0) errors.write(`written: ${listed(files)}\n`);
  }
  return 0;
}

/** Models to compare, and what is said of them. */
export interface ToCompare {
  /** The baseline first. */
  readonly models: readonly string[];
  /** What they are called, by how they are named here; their own titles where absent. */
  readonly titles?: ReadonlyMap<string, string>;
  /** Whether it is said in words what got better and worse. */
  readonly judged?: boolean;
}

/**
 * Compares models and prints what was found.
 * @returns the process's exit code: 2 where a model is worse than it may be.
 */
export async function showComparison(
  toCompare: ToCompare,
  { options, flags }: Pick<Typed<typeof comparisonOptions>, 'options' | 'flags'>,
  terminal: Terminal,
): Promise<number> {
  const format = formatOf(flags);
  const { compare } = await import('../evaluation/compare/compare.js'); // With TensorFlow: only when it is needed.
  const compared = await compare({ ...options, ...toCompare }, hooksOf(terminal, flags));
  const texts = await import('../evaluation/compare/comparison-text.js');
  const { comparison, files } = compared;
  const { output, errors } = terminal;
  output.write({ text: texts.comparisonText, markdown: texts.comparisonMarkdown, json: texts.comparisonJson }[format](comparison));
  if (toCompare.judged === true && format !== 'json')
    output.write({ text: texts.judgementText, markdown: texts.judgementMarkdown }[format](comparison));
  if (files.length > 0) errors.write(`written: ${listed(files)}\n`);
  return tellRegressions(compared, options.fail_if_worse, terminal);
}

function formatOf({ json, markdown }: Readonly<Record<string, unknown>>): 'text' | 'markdown' | 'json' {
  if (json === true && markdown === true) throw new UserError('--json and --markdown: give one of them');
  return json === true ? 'json' : markdown === true ? 'markdown' : 'text';
}

/** `out/comparison.md, comparison.json and comparison.png`. */
function listed([first, ...others]: readonly string[]): string {
  const names = [required(first, 'the first file that was written'), ...others.map((file) => path.basename(file))];
  return names.length > 2 ? `${names.slice(0, -1).join(', ')} and ${required(names.at(-1), 'the last file')}` : names.join(', ');
}

function tellRegressions({ regressions }: Compared, tolerance: number | undefined, { errors }: Terminal): number {
  for (const { model, head, accuracy, baseline } of regressions) {
    const mayBe = percent(required(tolerance, 'how much worse a model may be'));
    errors.write(
      `worse: ${model}: ${head} accuracy ${percent(accuracy)}, the baseline has ${percent(baseline)}; it may be worse by ${mayBe}\n`,
    );
  }
  return regressions.length === 0 ? 0 : REGRESSION_EXIT_CODE;
}
