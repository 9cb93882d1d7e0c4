import type { TransformDescription } from '../config/data-settings';
import type { Inspection, OptimizerSummary, TensorSummary } from '../conversion/inspect';
import type { inspectSettings } from '../conversion/options';
import { bytesText, printableLine, counted } from '../foundation/text';
import type { Typed } from './command';
import { onlyPositional } from './flags';
import { modelsGiven } from './model-flags';
import { columns } from './quantities';
import type { Terminal } from './terminal';

/**
 * Prints what a checkpoint is.
 * @returns the process's exit code: 1 where it is of a model that Kumpas knows and does not fit it.
 */
export async function runInspection({ options, flags, positionals }: Typed<typeof inspectSettings>, terminal: Terminal): Promise<number> {
  const file = onlyPositional(positionals, 'a checkpoint (.pt or .safetensors)');
  const { convert } = await import('../conversion/convert.js'); // With TensorFlow: only when it is needed.
  const inspection = convert.inspect({ file, ...options }, modelsGiven(flags['model']));
  terminal.output.write(flags['json'] === true ? `${JSON.stringify(inspection, infinityAsText, 2)}\n` : inspectionText(inspection));
  const problems = inspection.model?.problems ?? (inspection.refusal === undefined ? [] : [inspection.refusal]);
  if (problems.length === 0) return 0;
  terminal.errors.write(`${printableLine(`${file}: its weights do not fit the model: ${problems.join('; ')}`)}.\n`);
  return 1;
}

/** JSON has no infinite numbers; a plateau scheduler that has not seen an epoch does. */
function infinityAsText(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Damaged tensors that are named. */
const MOST_DAMAGED = 5;

const FORMS = {
  zip: 'PyTorch zip file (torch.save since 1.6)',
  stream: 'PyTorch stream (torch.save before 1.6)',
  safetensors: 'safetensors',
} as const;

/** The report for people. */
export function inspectionText(inspection: Inspection): string {
  const { file, form, bytes, contents, weightsKey, prefix, tensors, values, notFinite, modules } = inspection;
  const types = [...new Set(tensors.map(({ dtype }) => dtype))].join(', ');
  const lines = [
    file,
    '',
    ...columns([
      ['form', `${FORMS[form]}, ${bytesText(bytes)}`],
      [
        'weights',
        `${counted(tensors.length, 'tensor')}, ${values.toLocaleString('en')} values, ${types}; ${weightsKey === undefined ? 'the file is a state_dict' : `under "${weightsKey}"`}${prefix === '' ? '' : `, each name begins with ${prefix}`}`,
      ],
      ...(notFinite.length === 0 ? [] : [['damaged', notFiniteRow(notFinite)] satisfies [string, string]]),
      ...modelRows(inspection),
      ...trainingRows(inspection),
    ]),
    ...(contents.length === 0 ? [] : ['', 'Keys', ...columns(contents.map(([key, what]) => [key, what]))]),
    '',
    'Modules',
    ...columns(
      modules.map(({ name, tensors: count, values: numbers, kind }) => [
        name,
        counted(count, 'tensor'),
        `${numbers.toLocaleString('en')} values`,
        kind ?? '',
      ]),
    ),
    '',
    'Tensors',
    ...columns(
      tensors.map(({ name, dtype, shape, bytes: size }: TensorSummary) => [name, dtype, `[${shape.join(', ')}]`, bytesText(size)]),
    ),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}

function notFiniteRow(tensors: readonly string[]): string {
  const more = tensors.length > MOST_DAMAGED ? ` and ${tensors.length - MOST_DAMAGED} more tensors` : '';
  return `not finite (NaN or infinite): ${tensors.slice(0, MOST_DAMAGED).join(', ')}${more}; no model is loaded of that`;
}

function modelRows({ model, refusal }: Inspection): [string, string][] {
  if (model === undefined) {
    const why = refusal ?? 'none that Kumpas knows; the modules below tell what it is made of';
    return [['model', why]];
  }
  const { name, config, assumptions, clip, problems } = model;
  const shape = Object.entries(config).map(([key, value]) => `${key} ${String(value)}`);
  return [
    ['model', `${name}: ${shape.join(', ')}`],
    ['fits', problems.length === 0 ? 'yes' : `no: ${problems.join('; ')}`],
    ['clips', `[frames, ${clip.width}], at most ${clip.maxFrames} frames`],
    ...clip.transforms.map((transform): [string, string] => ['inputs', `clips go through ${transformText(transform)} first`]),
    ...assumptions.map((assumption): [string, string] => [
      'needs',
      `the file does not say: ${assumption} is taken; the flag of that name says otherwise`,
    ]),
  ];
}

/** `derived_inputs (motion, missingness)`, `normalize (by shoulders)`. */
function transformText({ name, ...options }: TransformDescription): string {
  return `${name} (${Object.entries(options)
    .map(([option, value]) => (value === true ? option : `${option} ${String(value)}`))
    .join(', ')})`;
}

function trainingRows({ epoch, bestMetric, optimizer, scheduler, model, config, notes }: Inspection): [string, string][] {
  const rows: [string, string][] = [];
  if (epoch !== undefined) rows.push(['epoch', String(epoch)]);
  if (bestMetric !== undefined) rows.push(['best', String(bestMetric)]);
  if (optimizer !== undefined) {
    rows.push(['optimizer', optimizerText(optimizer)]);
  }
  if (scheduler !== undefined) rows.push(['scheduler', Object.keys(scheduler).join(', ')]);
  if (optimizer === undefined) rows.push(['resume', 'no: it holds weights alone, no optimizer']);
  else if (optimizer.otherwise !== undefined) rows.push(['resume', `no: ${optimizer.otherwise}`]);
  if (model !== undefined && config?.['gloss_labels'] === undefined)
    rows.push(['needs', 'names of its classes: --labels-reference labels_reference.csv when it is imported']);
  rows.push(...notes.map((note): [string, string] => ['note', note]));
  return rows;
}

/** Of what is no optimiser's state, its place alone. */
function optimizerText(summary: OptimizerSummary): string {
  const { kind, key, states, parameters, groups, step, learningRate, weightDecay, momentum } = summary;
  const named = `${kind}${key === 'optimizer' ? '' : ` under "${key}"`}`;
  const rates = [
    ...(learningRate === undefined ? [] : [`lr ${learningRate}`]),
    ...(momentum === undefined ? [] : [`momentum ${momentum}`]),
    ...(weightDecay === undefined ? [] : [`weight decay ${weightDecay}`]),
  ];
  const steps = step === undefined && momentum !== undefined ? [] : [`step ${step ?? 0}`]; // SGD counts none.
  if (parameters === 0 && rates.length === 0) return named;
  const inGroups = groups > 1 ? [`in ${groups} groups, of which the first has`] : [];
  return [named, `${states} of ${parameters} parameters with a state`, ...steps, ...inGroups, ...rates].join(', ');
}
