import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseLegacyLog, readLegacyLog } from '../../src/conversion/legacy-log';
import { itWithShared } from '../support/shared';

const header = 'epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr,epoch_time,gpu_memory_allocated';

describe('the log of the PyTorch pipeline', () => {
  it('is read past its comments, blank lines and further columns', () => {
    const text = [
      '"# Training Configuration: epochs=30, batch_size=16"',
      '# Learning Rate: 0.001, Weight Decay: 0.01, Alpha: 0.7, Beta: 0.3',
      '# Timestamp: 2026-11-23 12:45:48',
      '',
      header,
      '1,2.5,2.25,0.1,0.2,0.001,1.7,0.0',
      '2,1.5,nan,0.3,0.4,0.0005,1.7,0.0',
      '3,1.0,1.25,0.5,0.6,0.0005,1.7,0.0',
      '',
    ].join('\r\n');
    const { rows, settings } = parseLegacyLog(`\uFEFF${text}`, 'old.csv');
    expect(rows).toEqual([
      { epoch: 1, train_loss: 2.5, val_loss: 2.25, gloss_acc: 0.1, cat_acc: 0.2, lr: 0.001 },
      { epoch: 2, train_loss: 1.5, val_loss: NaN, gloss_acc: 0.3, cat_acc: 0.4, lr: 0.001 },
      { epoch: 3, train_loss: 1, val_loss: 1.25, gloss_acc: 0.5, cat_acc: 0.6, lr: 0.0005 },
    ]);
    expect(settings).toMatchObject({ epochs: 30, batch_size: 16, learning_rate: 0.001, weight_decay: 0.01, alpha: 0.7, beta: 0.3 });
  });

  it('has the rate of each epoch moved to that epoch only where the log goes on from the one before', () => {
    const { rows } = parseLegacyLog([header, '4,1,1,0,0,0.004,1,0', '7,1,1,0,0,0.007,1,0', '8,1,1,0,0,0.008,1,0'].join('\n'), 'old.csv');
    expect(rows.map(({ epoch, lr }) => [epoch, lr])).toEqual([
      [4, 0.004],
      [7, 0.007],
      [8, 0.007],
    ]);
  });

  it('of Kumpas itself is taken as it is', () => {
    const { rows } = parseLegacyLog(
      'epoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n1,1,2,0.5,0.6,0.1\n2,1,2,0.5,0.6,0.05\n',
      'training_log.txt',
    );
    expect(rows.map(({ lr }) => lr)).toEqual([0.1, 0.05]);
  });

  it.each<[string, string, RegExp]>([
    ['no columns', 'a,b\n1,2\n', /old\.csv: .*epoch/],
    ['no accuracy', 'epoch,train_loss,val_loss,lr\n1,2,3,4\n', /line 2: expected a number in the column val_gloss_acc or gloss_acc/],
    ['text for a loss', `${header}\n1,x,2,0,0,0,0,0\n`, /line 2: expected a number in the column train_loss, found "x"/],
    ['half an epoch', `${header}\n1.5,1,2,0,0,0,0,0\n`, /line 2: expected the number of an epoch, found 1\.5/],
    ['a ragged line', `${header}\n1,2\n`, /old\.csv: line 2: 2 cells where the header has 8/],
    ['nothing', '', /old\.csv: empty/],
  ])('with %s is refused', (_what, text, message) => {
    expect(() => parseLegacyLog(text, 'old.csv')).toThrow(message);
  });

  it('that is not there is refused', () => {
    expect(() => readLegacyLog(path.join(__dirname, 'absent.csv'))).toThrow(/--log .*absent\.csv: cannot be read/);
  });

  itWithShared('fixtures/parity/transformer_isl13_log.csv', 'of a real training is read whole', (file) => {
    const { rows, settings } = readLegacyLog(file);
    expect(rows.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(rows[25]).toMatchObject({ gloss_acc: 66 / 78, lr: 0.0003 });
    expect(settings).toMatchObject({ epochs: 30, batch_size: 32, learning_rate: 0.0003 });
  });
});
