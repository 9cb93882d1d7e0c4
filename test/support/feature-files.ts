import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatNpz } from '../../src/data/npz';
import { RandomStream } from '../../src/foundation/random';

/** A data folder of 14 training and 6 validation clips of features, 3 to 12 frames, 3 glosses in 2 categories. */
export function writeFeatures(folder: string, prefix = 'features'): void {
  const random = new RandomStream(3);
  for (const [split, count] of [
    ['train', 14],
    ['val', 6],
  ] as const) {
    const clips = path.join(folder, 'data', `${prefix}_${split}`);
    mkdirSync(clips, { recursive: true });
    const lines = ['file,gloss,cat'];
    for (let clip = 0; clip < count; clip++) {
      const frames = 3 + ((clip * 7) % 10);
      const values = Float32Array.from({ length: frames * 2048 }, (_, place) => (place % 3 === clip % 3 ? 1 : 0) + random.uniform(0, 0.5));
      const name = `${split}_${clip}`;
      writeFileSync(
        path.join(clips, `${name}.npz`),
        formatNpz({ X2048: { dtype: 'float32', shape: [frames, 2048], values } }, { compress: false }),
      );
      lines.push(`${name},${clip % 3},${clip % 2}`);
    }
    writeFileSync(path.join(folder, 'data', `${split}_labels.csv`), `${lines.join('\n')}\n`);
  }
}
