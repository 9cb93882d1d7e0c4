import { describe, expect, it } from '@jest/globals';
import { flagsOfEvaluate, flagsOfPredict, flagsOfTrain, translated } from '../../src/cli/pytorch-flags';
import { keyOf } from '../../src/cli/flags';
import { settingNames } from '../../src/config/layers';
import { evaluateOptions, predictOptions } from '../../src/evaluation/options';
import { ownModels } from '../../src/models/model-table';

/** The flags of the PyTorch pipeline's commands: those that its guides and parsers name. */
const THEIRS = {
  train: [
    ...['model', 'keypoints-train', 'keypoints-val', 'features-train', 'features-val', 'labels-train-csv', 'labels-val-csv', 'kp-key'],
    ...['feature-key', 'num-gloss', 'num-cat', 'epochs', 'batch-size', 'output-dir', 'lr', 'weight-decay', 'alpha', 'beta', 'seed'],
    ...['amp', 'compile-model', 'auto-workers', 'auto-batch-size', 'enable-parallel', 'gradient-accumulation-steps', 'grad-clip'],
    ...['num-workers', 'pin-memory', 'prefetch-factor', 'scheduler', 'scheduler-patience', 'early-stop', 'resume', 'log-csv', 'smoke-test'],
    ...['no-pretrained-backbone', 'pretrained-backbone', 'freeze-backbone', 'loss-type', 'label-smoothing', 'focal-gamma', 'focal-alpha'],
    ...[
      'ema',
      'ema-decay',
      'curriculum',
      'loss-weighting',
      'augment',
      'deterministic',
      'warmup-epochs',
      'hidden1',
      'hidden2',
      'gru-hidden',
    ],
    ...['emb-dim', 'n-heads', 'n-layers', 'num-heads', 'num-layers', 'dropout', 'max-len', 'pooling-method'],
  ],
  evaluate: ['model', 'checkpoint', 'data-dir', 'labels-csv', 'batch-size', 'device', 'output-dir', 'num-workers'],
  predict: ['model', 'checkpoint', 'input', 'device', 'fps', 'image-size', 'output', 'list-models'],
};

/** Flags of the commands that are neither settings nor brought along. */
const OWN = { train: ['model', 'resume', 'smoke_test', 'auto_batch_size'], evaluate: ['model'], predict: ['output'] };

describe('the flags of the PyTorch pipeline', () => {
  const settings = ownModels.names.flatMap((name) => [...settingNames(ownModels.get(name).settings.schema.shape)]);
  const known = {
    train: new Set([...settings, ...Object.keys(flagsOfTrain).map(keyOf), ...OWN.train]),
    evaluate: new Set([...settingNames(evaluateOptions), ...Object.keys(flagsOfEvaluate).map(keyOf), ...OWN.evaluate]),
    predict: new Set([...settingNames(predictOptions), ...Object.keys(flagsOfPredict).map(keyOf), ...OWN.predict]),
  };

  it.each(['train', 'evaluate', 'predict'] as const)('all have an answer: %s', (command) => {
    expect(THEIRS[command].filter((flag) => !known[command].has(keyOf(flag)))).toEqual([]);
  });

  it('become flags of this program, are left out with a note, or are refused with what there is instead', () => {
    const { argv, notes, refusals } = translated(
      ['--model', 'transformer', '--checkpoint', 'old.pt', '--device=cpu', '--batch-size', '8', '--', '--checkpoint'],
      flagsOfEvaluate,
    );
    expect(argv).toEqual(['--model-path', 'old.pt', '--batch-size', '8', '--', '--checkpoint']);
    expect(notes).toEqual([expect.stringContaining('--model: not needed'), expect.stringContaining('--device: the GPU is taken')]);
    expect(refusals).toEqual([]);
    expect(translated(['--list-models'], flagsOfPredict).refusals).toEqual([
      '--list-models: npm run models -- list shows the trained models',
    ]);
  });

  it('leave the file of a model of one’s own, and a flag without its value, as they are', () => {
    expect(translated(['--model', './mine.ts', '--checkpoint'], flagsOfEvaluate).argv).toEqual(['--model', './mine.ts', '--model-path']);
    expect(translated(['--num-workers', '--amp'], flagsOfTrain).argv).toEqual(['--amp']);
  });

  it('leave --loss-weighting as it is, but for a search', () => {
    const kinds = ['static', 'uncertainty', 'gradnorm'];
    for (const kind of kinds)
      expect(translated(['--loss-weighting', kind, '--amp'], flagsOfTrain)).toEqual({
        argv: ['--loss-weighting', kind, '--amp'],
        notes: [],
        refusals: [],
      });
    const refused = translated(['--loss-weighting=grid-search'], flagsOfTrain);
    expect(refused.refusals).toEqual([expect.stringMatching(/^--loss-weighting: grid-search is no training/)]);
  });

  it('become its noise and time mask where --augment stands alone; with a value it is a setting', () => {
    const theirs = [
      '--augment-noise',
      '0.3',
      '--augment-noise-std',
      '0.01',
      '--augment-time-mask',
      '0.1',
      '--augment-time-mask-share',
      '0.1',
    ];
    expect(translated(['--augment', '--epochs', '2'], flagsOfTrain)).toMatchObject({ argv: [...theirs, '--epochs', '2'], refusals: [] });
    expect(translated(['--augmentation'], flagsOfTrain).argv).toEqual(theirs);
    for (const argv of [['--augment', 'light'], ['--augment=strong'], ['--augmentation', 'none', '--epochs', '2']])
      expect(translated(argv, flagsOfTrain)).toEqual({ argv, notes: [], refusals: [] });
  });
});
