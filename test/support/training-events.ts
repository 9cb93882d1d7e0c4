import type { RunRecord } from '../../src/folder/config-file';
import { RunFolder } from '../../src/folder/model-folder';
import type { TrainingResult, TrainingStarted } from '../../src/training/events';

/** A run's record, of whatever name and data. */
function recordNamed(name: string, title: string): RunRecord {
  return {
    settings: { model: 'transformer', data: title, seed: 42, epochs: 30, batch_size: 32, lr: 0.0003, scheduler: 'plateau' },
    run: {
      name,
      folder: `models/${name}`,
      created: '2026-09-20T12:00:00.000Z',
      versions: { kumpas: '0.0.0', node: '20', tensorflow: '2' },
      device: 'CPU',
      git_commit: null,
      parameters: 3_301_111,
      classes: { gloss: 13, category: 4 },
      data: { title, synthetic: false, train_clips: 312, validation_clips: 78, fingerprint: 'f', validation_fingerprint: 'v' },
      training_clips: { of_gloss: [312], shortest_frames: 30, median_frames: 40, longest_frames: 50 },
      model: { emb_dim: 256, max_len: 300 },
      gloss_labels: [],
      category_labels: [],
    },
  };
}

/** The event at the start of a training. */
export function trainingStarted(name: string, title = 'clips'): TrainingStarted {
  return {
    kind: 'start',
    record: recordNamed(name, title),
    clips: { training: 312, validation: 78, shortest: 30, longest: 50 },
    step: { captured: true, precision: { asked: false, bfloat16: [], because: 'not asked' }, sharingDevices: undefined },
    resumed: undefined,
  };
}

/** What a training of 30 epochs came to whose best was the 26th. */
export function trainingResult(folder: string, title = 'clips'): TrainingResult {
  const row = { epoch: 26, train_loss: 0.1, val_loss: 0.25, gloss_acc: 0.875, cat_acc: 0.9, lr: 1e-4 };
  return {
    end: 'finished',
    folder,
    files: new RunFolder(folder, 'SignTransformer'),
    record: recordNamed('transformer_baseline_01-02', title),
    completedEpochs: 30,
    epochs: 30,
    log: [row],
    best: { epoch: 26, glossAccuracy: 0.875, row },
    evaluation: undefined,
    exampleClip: { path: `${title}/keypoints_val/val_0.npz` },
  };
}
