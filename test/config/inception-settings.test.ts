import { describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../../src/config/resolve';
import { UserError } from '../../src/foundation/errors';
import { ownModels } from '../../src/models/model-table';

const resolve = (typed: Readonly<Record<string, string>>): ReturnType<typeof resolveSettings> =>
  resolveSettings({ commandLine: { model: 'iv3_gru', ...typed } }, ownModels);

function refusal(typed: Readonly<Record<string, string>>): string {
  try {
    resolve(typed);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the settings of iv3_gru', () => {
  it('are the reference’s where there is data, and a wider model for the demo set', () => {
    expect(resolve({ data: 'clips' }).settings).toMatchObject({ hidden1: 16, hidden2: 12, dropout: 0.3, feature_key: 'X2048', lr: 1e-4 });
    expect(resolve({}).settings).toMatchObject({ hidden1: 48, hidden2: 32 });
  });

  it('know the guide’s name for the first GRU’s units', () => {
    expect(resolve({ data: 'clips', gru_hidden: '24' }).settings).toMatchObject({ hidden1: 24 });
    expect(refusal({ gru_hidden: '24', hidden1: '8' })).toMatch(/is given twice/);
  });

  it('want all four parts of features, or of frames, and no mixture', () => {
    expect(refusal({ features_train: 'a' })).toBe(
      '--features-train: needs features_val, labels_train_csv, labels_val_csv too: a training reads all four of features_train, features_val, labels_train_csv, labels_val_csv',
    );
    expect(refusal({ data: 'd', features_val: 'a' })).toMatch(/cannot be combined with data/);
    expect(refusal({ features_train: 'a', frames_val: 'b' })).toMatch(/cannot be combined with frames/);
    expect(refusal({ keypoints_train: 'a' })).toMatch(/a flag of model transformer/);
  });

  it('say where the clips lie, and in which arrays', () => {
    const labels = { labels_train_csv: 't.csv', labels_val_csv: 'v.csv' };
    const located = (typed: Record<string, string>): unknown => {
      const { settings } = resolve({ ...labels, ...typed });
      return ownModels.get('iv3_gru').clipLocation(settings);
    };
    const source = { keypoints_train: 'a', keypoints_val: 'b', ...labels };
    expect(located({ features_train: 'a', features_val: 'b', feature_key: 'F' })).toMatchObject({ key: 'F', source });
    const frames = { frames_train: 'a', frames_val: 'b', frames_key: 'P', backbone: 'f.pt' };
    expect(located(frames)).toMatchObject({ key: 'P', source, pictures: { encoded: true } });
  });

  it('want weights for a frozen backbone, and frames for one that is trained', () => {
    expect(refusal({ data: 'd', train_on: 'frames' })).toMatch(/frames need InceptionV3's weights: give --backbone F.pt/);
    expect(refusal({ data: 'd', freeze_backbone: 'false' })).toMatch(/only frames go through the backbone/);
    expect(refusal({ train_on: 'frames', backbone: 'f.pt' })).toMatch(/there is no demo set of frames/);
    expect(() => resolve({ data: 'd', train_on: 'frames', freeze_backbone: 'false' })).not.toThrow();
    expect(() => resolve({ data: 'd', train_on: 'frames', backbone: 'f.pt' })).not.toThrow();
  });
});
