import path from 'node:path';
import { openSummaryWriter, type SummaryWriter } from '../engine/summary-writer';
import { hasNativeKernels } from '../engine/tensorflow';
import { FOLDER_FILES } from '../folder/contents';
import { UserError } from '../foundation/errors';
import { required } from '../foundation/required';
import type { EpochDone, TrainingListener } from './events';

/**
 * A listener that writes a training's curves for TensorBoard into the folder `tensorboard` of its model folder: the loss and the pace of every batch, over the steps,
 * and the figures of every epoch, over the epochs. They stand beside the log, which says the same.
 * @throws UserError where TensorFlow's native kernels, which write them, do not run.
 */
export function tensorBoardListener(): TrainingListener {
  if (!hasNativeKernels()) throw new UserError("--tensorboard: TensorFlow's native library writes its files, and it is not in use here");
  let writer: SummaryWriter | undefined;
  let epoch = 0;
  const written = (): SummaryWriter => required(writer, 'the event file: a training starts before its first step');
  return (event) => {
    switch (event.kind) {
      case 'start':
        writer = openSummaryWriter(path.join(event.record.run.folder, FOLDER_FILES.tensorboard));
        break;
      case 'epoch-start':
        ({ epoch } = event);
        break;
      case 'step': {
        const step = (epoch - 1) * event.batches + event.batch;
        written().scalar('batch/loss', event.loss, step);
        written().scalar('batch/clips_per_second', event.clipsPerSecond, step);
        break;
      }
      case 'epoch-end':
        for (const [name, value] of curvesOf(event)) written().scalar(name, value, event.epoch);
        written().flush();
        break;
      case 'end':
        writer?.flush();
        break;
      case 'note':
      case 'warning':
      case 'clips-read':
      case 'evaluation-start':
        break;
    }
  };
}

/** The points of an epoch; those of one kind share a chart. */
function curvesOf(event: EpochDone): [name: string, value: number][] {
  return [
    ['loss/train', event.trainLoss],
    ['loss/validation', event.valLoss],
    ['accuracy/gloss', event.glossAccuracy],
    ['accuracy/category', event.categoryAccuracy],
    ['epoch/learning_rate', event.learningRate],
    ['epoch/gradient_norm', event.gradientNorm],
    ['epoch/seconds', event.seconds],
    ['epoch/memory_mb', event.memoryMb],
    ...(event.lossWeights === undefined
      ? []
      : ([
          ['epoch/alpha', event.lossWeights.alpha],
          ['epoch/beta', event.lossWeights.beta],
        ] satisfies [string, number][])),
  ];
}
