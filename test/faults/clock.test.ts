import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { startRuntime } from '../../src/engine/runtime';
import type { TrainingEvent } from '../../src/training/events';
import { followTraining, type FollowedEvent } from '../../src/training/follow-training';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { closeRun, evaluateRun, type TrainingRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { savedTraining } from '../support/saved-training';
import { quietContext, smallSettings, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});
afterEach(() => {
  jest.useRealTimers();
});

const DAY = 86_400_000;

/** Sets the clock alone: timers and `performance.now` go on as they are, as they do where a machine's clock is set. */
function setClock(by: number): void {
  jest.setSystemTime(jest.getRealSystemTime() + by);
}

async function train(
  folder: string,
  description: string,
  { resume, jumps, stopAt = Infinity }: { resume?: string; jumps: readonly number[]; stopAt?: number },
): Promise<TrainingRun> {
  const stop = new AbortController();
  let steps = 0;
  const onEvent = ({ kind }: TrainingEvent): void => {
    if (kind !== 'step') return;
    if (jumps.length > 0) setClock(jumps[steps % jumps.length] ?? 0);
    if (++steps === stopAt) stop.abort();
  };
  const point = resume === undefined ? undefined : readResumePoint(resume);
  const settings =
    point === undefined ? smallSettings(folder, { description, ema: 'true', save_every_minutes: '0.000001' }) : resumedSettings(point, []);
  const run = await prepareRun(settings, point, { ...quietContext(onEvent), now: () => new Date() });
  try {
    if ((await trainEpochs(run, stop.signal)) === 'finished') await evaluateRun(run);
  } finally {
    await closeRun(run);
  }
  return run;
}

describe('a clock that jumps', () => {
  it('while a training runs, is stopped and goes on, changes nothing that is learnt, and no time that is measured', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const whole = await train(folder, 'whole', { jumps: [] });
      jest.useFakeTimers({
        advanceTimers: false,
        doNotFake: [
          'hrtime',
          'nextTick',
          'performance',
          'queueMicrotask',
          'setImmediate',
          'clearImmediate',
          'setInterval',
          'clearInterval',
          'setTimeout',
          'clearTimeout',
        ],
      });
      const jumps = [-DAY, 365 * DAY, -400 * DAY, 0];
      const first = await train(folder, 'parts', { jumps, stopAt: 4 });
      setClock(-30 * DAY);
      const { files } = (await train(folder, 'parts', { resume: first.folder.files.last, jumps })).folder;
      expect(savedTraining(files.folder)).toEqual(savedTraining(whole.folder.files.folder));
      const rows = readFileSync(files.metrics, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { train_seconds: number; val_seconds: number });
      expect(rows).toHaveLength(3);
      for (const { train_seconds, val_seconds } of rows)
        for (const seconds of [train_seconds, val_seconds]) {
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThan(600);
        }
      const followed: FollowedEvent[] = [];
      await followTraining(files.folder, { onEvent: (event) => followed.push(event) });
      expect(followed.map(({ kind }) => kind)).toEqual(['found', 'epoch-end', 'epoch-end', 'epoch-end']);
    });
  });
});
