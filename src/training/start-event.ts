import { measureBfloat16Gain } from '../engine/captured/matrix-speed';
import { hasNativeKernels } from '../engine/raw-operation';
import type { Fact, TrainingStarted } from './events';
import type { Progress } from './progress';
import type { RunSplit } from './run';
import type { RunRecord } from '../folder/config-file';
import type { ResumePoint } from './resume';

/** What is shown before the first epoch: what runs on what. */
export function startEvent(
  { run, settings }: RunRecord,
  parts: { readonly train: RunSplit; readonly validation: RunSplit; readonly devices: readonly string[] },
  resume: ResumePoint | undefined,
  progress: Progress,
): TrainingStarted {
  const { train, validation, devices } = parts;
  const facts: Fact[] = [
    ['device', `${run.device}; TensorFlow ${run.versions.tensorflow}`],
    ['data', `${run.data.title}${run.data.synthetic ? ' (made by a generator: its figures say nothing about real signs)' : ''}`],
    ['clips', `${train.set.entries.length} training, ${validation.set.entries.length} validation, ${framesText(train)}`],
    ['classes', `${run.classes.gloss} glosses in ${run.classes.category} categories`],
    ['model', `${modelText(run.model)}; ${run.parameters.toLocaleString('en')} parameters`],
    [
      'training',
      `${String(settings['epochs'])} epochs, batch size ${String(settings['batch_size'])}, lr ${String(settings['lr'])}, scheduler ${String(settings['scheduler'])}, seed ${String(settings['seed'])}`,
    ],
    ['step', stepText(settings, devices)],
    ['folder', run.folder],
  ];
  if (resume !== undefined) {
    const within = progress.batchesDone > 0 ? ` and ${counted(progress.batchesDone, 'batch', 'batches')}` : '';
    facts.push(['resumed', `from ${resume.file}, after ${counted(progress.completedEpochs, 'epoch', 'epochs')}${within}`]);
  }
  return { kind: 'start', title: `Training ${run.name}`, facts };
}

/** How a step runs, and with --amp whether this machine gains from it. */
function stepText({ compile_model, amp, enable_parallel }: RunRecord['settings'], devices: readonly string[]): string {
  if (compile_model !== true || !hasNativeKernels()) return 'operation by operation, float32';
  return `captured as a graph, ${matrixText(amp)}${enable_parallel === true ? parallelText(devices) : ''}`;
}

function matrixText(amp: unknown): string {
  if (amp !== true) return 'float32';
  const gain = measureBfloat16Gain();
  const advice = gain < 1 ? '; this machine loses by it, leave --amp out' : '';
  return `matrix products in bfloat16: here ${gain.toFixed(1)} times as fast as in float32${advice}`;
}

function parallelText(devices: readonly string[]): string {
  return devices.length === 0
    ? '; --enable-parallel: fewer than two GPUs are in use, so each batch stays whole'
    : `; each batch divided among ${devices.length} devices (never measured on GPUs yet)`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function framesText({ set }: RunSplit): string {
  const frames = set.entries.map((entry) => entry.frames);
  const shortest = frames.reduce((least, count) => Math.min(least, count), Infinity);
  const longest = frames.reduce((most, count) => Math.max(most, count), 0);
  return shortest === longest ? `${longest} frames each` : `${shortest} to ${longest} frames`;
}

/** `emb_dim 256, n_heads 8, …`: the model's shape without what other lines say. */
function modelText(model: RunRecord['run']['model']): string {
  return Object.entries(model)
    .filter(([key]) => !['input_dim', 'num_gloss', 'num_cat', 'max_len'].includes(key))
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}
