/**
 * Trains on long clips in a process whose address space is limited once the training starts: `limited-training.ts FOLDER MEGABYTES`, so many beside what it has taken by then.
 * Prints what it warned of, and how many clips it computed at once in the end.
 */
import path from 'node:path';
import { startRuntime } from '../../src/engine/runtime';
import { required } from '../../src/foundation/required';
import { writeDataFolder } from '../support/clip-files';
import { limitAddressSpace } from '../support/limited-memory';
import { smallSettings, trainSmall } from '../support/small-training';

const FRAMES = 2000;

async function main(folder: string, megabytes: number): Promise<void> {
  await startRuntime();
  const clip = (name: string, index: number): Parameters<typeof writeDataFolder>[1]['train'][number] => ({
    ...{ name: `${name}_${index}`, gloss: index % 2, category: index % 2, frames: FRAMES },
  });
  const clips = (name: string, count: number): ReturnType<typeof clip>[] => Array.from({ length: count }, (_, index) => clip(name, index));
  writeDataFolder(path.join(folder, 'data'), { train: clips('train', 16), val: clips('val', 2) });
  const settings = smallSettings(folder, { num_heads: '8', max_len: String(FRAMES), batch_size: '16', epochs: '1' });
  const { run, end } = await trainSmall(settings, {
    onEvent: (event) => {
      if (event.kind === 'start') limitAddressSpace(megabytes);
      if (event.kind === 'warning') console.log(event.text);
    },
  });
  console.log(`${end}, ${run.learner.microBatchSize} at once, ${run.learner.progress.step} step`);
}

const [, , folder, megabytes] = process.argv;
void main(required(folder, 'a folder'), Number(megabytes));
