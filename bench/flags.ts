import { parseArgs } from 'node:util';
import { withWordsOfSwitches } from '../src/cli/flags';
import type { AskedPrecision } from '../src/engine/precision';
import { UserError, messageOf } from '../src/foundation/errors';

/** The models that can be measured. */
export const benchModelNames = ['transformer', 'iv3_gru'] as const;
export type BenchModelName = (typeof benchModelNames)[number];

/** What a bench measures. */
export interface BenchFlags {
  readonly model: BenchModelName;
  readonly batch: number;
  /** Clips of the set that is streamed. */
  readonly clips: number;
  readonly frames: number;
  readonly layers: number;
  readonly heads: number;
  readonly emb: number;
  readonly amp: AskedPrecision;
  readonly eager: boolean;
  /** Whether GRUs are computed by cuDNN. */
  readonly cudnnGru: boolean;
  /** Whether a batch is divided among all GPUs, or on the processor among two parts of it. */
  readonly parallel: boolean;
  /** Whether an average of the weights is kept. */
  readonly ema: boolean;
  /** What is broken down. */
  readonly of: 'step' | 'evaluate' | 'features';
  /** The share of the clips' frames that is padding where they are padded to the longest. */
  readonly padding: number;
  /** How the clips of a batch are changed before its step, and normalised. */
  readonly augment: 'none' | 'light' | 'strong';
  /** Steps or epochs that count. */
  readonly runs: number | undefined;
  /** A Python that has PyTorch, to be measured in turn. */
  readonly pytorch: string | undefined;
  /** The checkpoint to read. */
  readonly file: string | undefined;
  readonly json: boolean;
}

export const benchUsage = `npm run bench -- step|breakdown|epoch|load|evaluate|predict|app|picture|pack|stream|parallel|validate|features|checkpoint|memory|save|fuzz [flags]

  step        one training step, the batch fed anew each time; a quarter of the frames is padding
  breakdown   where the time of a step, an evaluation or features goes (--of): each operation run alone, and the time of its matrix products at
              this machine's best rate
  epoch       an epoch of 312 training and 78 validation clips of 30 frames, as \`npm run train\` runs it
  load        reading and checking clips, and batches of them from memory and from files
  evaluate    evaluating 426 clips, recording the graph and scoring included
  predict     one prediction from a cold start, in a process of its own
  app         the start of an app in a process of its own, and requests to it: 50 clients at once, then 20 a second, --runs of them (200)
  picture     confusion_matrix.png of 105 glosses
  pack        reading 3,000 clips in random order, from their .npz files and from a pack of them, in turns
  stream      a pack of --clips made-up clips (100,000) that does not fit in memory: opening it, memory, and how long steps wait for batches
  parallel    the step of a training over 1, 2 and 4 processes of this machine, and the bytes that they exchange
  validate    checking a collection of 5,000 clips, as \`npm run data -- validate\` does
  features    InceptionV3's features of frames, 16 at once
  checkpoint  reading all tensors of a checkpoint in a process of its own: time, and the most memory it took; and looking into it
  memory      the most resident memory of a training of two epochs, as \`npm run train\` runs it, in a process of its own
  save        how long a training waits for a state that is saved within an epoch, part by part, and for one that it waits to be written
  fuzz        reading damaged and hostile checkpoints, --runs of them (25,000): each must end in a result or a clear error; and
              files of every kind that grow: under 2 s and 500 MB below a megabyte, and no more than in proportion to their size

  --batch 32  --frames 100, 30 (epoch, load, pack)  --layers 4  --heads 8  --emb 256
  --model transformer  step: or iv3_gru, on features
  --of step          breakdown: or evaluate (a batch of an evaluation), features
  --padding 0        evaluate: the share of padding where clips are padded to the longest, up to 0.45
  --amp              matrix products in bfloat16 where they win on this processor, as a training measures it (PyTorch then autocasts, or computes in float32
                     where nothing wins); --amp force: whatever they cost
  --no-cudnn-gru     step: on a GPU, GRUs by a loop in the graph, not by cuDNN
  --enable-parallel  step: each batch divided among all GPUs, on the processor among two parts of it
  --eager            operation by operation instead of the captured graph
  --ema              step, save: with a moving average of the weights
  --augment strong   step: the clips of each batch are augmented (light or strong) and normalised before it; a step without that, and without
                     --ema, is timed in turn, and the ratio printed
  --runs N           steps or epochs that count
  --pytorch PYTHON   step, epoch, evaluate, predict, features, checkpoint, memory: a Python that has PyTorch (and torchvision); it is timed in turn with ours,
                     and the ratio printed
  --file F.pt        checkpoint: the file; else one of the size of a whole InceptionV3-GRU is made
  --json             one JSON document
`;

/** @throws UserError for an unknown flag or a value that is no whole number. */
export function readBenchFlags(argv: readonly string[], defaultFrames: number): BenchFlags {
  const text = { type: 'string' } as const;
  const onOff = { type: 'boolean' } as const;
  const options = {
    model: text,
    batch: text,
    clips: text,
    frames: text,
    layers: text,
    heads: text,
    emb: text,
    runs: text,
    pytorch: text,
    file: text,
    augment: text,
    of: text,
    padding: text,
    amp: text,
    eager: onOff,
    'cudnn-gru': onOff,
    'enable-parallel': onOff,
    ema: onOff,
    json: onOff,
  };
  const values = parse(withWordsOfSwitches(argv, { amp: { type: 'boolean', choices: ['force'] } }), options);
  const whole = (name: 'batch' | 'clips' | 'frames' | 'layers' | 'heads' | 'emb' | 'runs', otherwise: number): number => {
    const given = values[name];
    const number = given === undefined ? otherwise : Number(given);
    if (!Number.isSafeInteger(number) || number < 1)
      throw new UserError(`--${name}: expected a whole number of at least 1, found "${String(given)}"`);
    return number;
  };
  const asked = values.model ?? 'transformer';
  const model = benchModelNames.find((name) => name === asked);
  if (model === undefined) throw new UserError(`--model: expected ${benchModelNames.join(' or ')}, found "${asked}"`);
  const augment = (['none', 'light', 'strong'] as const).find((name) => name === (values.augment ?? 'none'));
  if (augment === undefined) throw new UserError(`--augment: expected none, light or strong, found "${String(values.augment)}"`);
  if (augment !== 'none' && model !== 'transformer')
    throw new UserError('--augment: this bench changes key points, of --model transformer');
  const of = (['step', 'evaluate', 'features'] as const).find((name) => name === (values.of ?? 'step'));
  if (of === undefined) throw new UserError(`--of: expected step, evaluate or features, found "${String(values.of)}"`);
  const padding = Number(values.padding ?? 0);
  if (!(padding >= 0 && padding <= 0.45))
    throw new UserError(`--padding: expected a share from 0 to 0.45, found "${String(values.padding)}"`);
  return {
    model,
    of,
    padding,
    augment,
    batch: whole('batch', 32),
    clips: whole('clips', 100_000),
    frames: whole('frames', defaultFrames),
    layers: whole('layers', 4),
    heads: whole('heads', 8),
    emb: whole('emb', 256),
    runs: values.runs === undefined ? undefined : whole('runs', 1),
    amp: values.amp === 'force' ? 'force' : values.amp === 'true',
    eager: values.eager ?? false,
    cudnnGru: values['cudnn-gru'] ?? true,
    parallel: values['enable-parallel'] ?? false,
    ema: values.ema ?? false,
    json: values.json ?? false,
    pytorch: values.pytorch,
    file: values.file,
  };
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse<T extends Options>(argv: readonly string[], options: T): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new UserError(`${messageOf(error)}; see npm run bench -- --help`, { cause: error });
  }
}
