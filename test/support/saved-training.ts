import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readResumePoint } from '../../src/training/resume';

/** What a training left in its folder that must not differ from an unbroken one: weights and the optimiser's state bit for bit, schedule, progress and log. */
export function savedTraining(folder: string): { readonly last: unknown; readonly best: unknown; readonly log: string } {
  const of = (name: string): unknown => {
    const { model, average, optimizer, scheduler, epoch, bestMetric, config } = readResumePoint(path.join(folder, name)).checkpoint;
    return { weights: [...model], average: average && [...average], optimizer, scheduler, epoch, bestMetric, progress: config['progress'] };
  };
  const log = readFileSync(path.join(folder, 'training_log.txt'), 'utf8');
  return { last: of('SignTransformer_last.pt'), best: of('SignTransformer_best.pt'), log };
}
