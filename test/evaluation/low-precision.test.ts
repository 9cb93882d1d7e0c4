import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { precisionHere } from '../../src/engine/bfloat16-gains';
import { startRuntime } from '../../src/engine/runtime';
import { evaluate } from '../../src/evaluation/evaluate';
import { predict } from '../../src/evaluation/predict';
import { loadModel } from '../../src/evaluation/recogniser';
import { elementAt } from '../../src/foundation/required';
import { RandomStream } from '../../src/foundation/random';
import { inTemporaryFolder } from '../support/clip-files';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

const random = new RandomStream(3);
const clips = [12 * 156, 8 * 156].map((length) => Float32Array.from({ length }, () => random.uniform()));

describe('a trained model in low precision', () => {
  it('says nearly the same, says what it computes in, and in float32 where nothing is gained by bfloat16 says exactly the same', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 4, val: 4 });
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', num_buckets: '1' }));
      const model = run.folder.files.folder;
      const predicted = async (amp: boolean | 'force'): Promise<[probabilities: number[], notes: string[]]> => {
        const notes: string[] = [];
        const onEvent = (event: { readonly kind: string; readonly text?: string }): void => {
          if (event.kind === 'note') notes.push(event.text ?? '');
        };
        const { predictions } = await predict({ model, clips, amp, top_k: 0 }, { onEvent });
        const byId = predictions.flatMap(({ gloss }) => gloss.toSorted((one, other) => one.id - other.id));
        return [byId.map(({ probability }) => probability), notes];
      };
      const [full, silence] = await predicted(false);
      const [forced, said] = await predicted('force');
      const [chosen, why] = await predicted(true);
      expect(silence).toEqual([]);
      expect(said).toEqual(['amp: matrix products in bfloat16, as --amp force insists']);
      expect(why).toEqual([
        expect.stringMatching(/^amp: (float32: in bfloat16 nothing wins on this machine|.*bfloat16) .*large products run/),
      ]);
      expect(forced).not.toEqual(full);
      forced.forEach((probability, place) => {
        expect(probability).toBeCloseTo(elementAt(full, place), 2);
      });
      const { bfloat16 } = await precisionHere(true, { captured: true });
      if (bfloat16.length === 0) expect(chosen).toEqual(full);

      const recogniser = await loadModel(model, { amp: 'force' });
      const { gloss } = await recogniser.predict(elementAt(clips, 0), { topK: 1 });
      expect(forced).toContainEqual(elementAt(gloss, 0).probability);
      recogniser.dispose();

      const out = path.join(folder, 'results');
      const { result } = await evaluate({ model, data, out, amp: 'force' });
      expect(result.warnings).toContain('amp: matrix products in bfloat16, as --amp force insists');
    });
  });
});
