import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Job, type IJob } from 'kubernetes-models/batch/v1/Job';
import { Service, type IService } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';
import { collectSweep } from '../../src/index';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';

const { kumpasIn } = sharedCommands();

describe('train --emit', () => {
  it('writes a script of Slurm, or a Job of Kubernetes, for one training over several processes', async () => {
    await inTemporaryFolder(async (folder) => {
      const train = async (...typed: readonly string[]): ReturnType<typeof kumpasIn> => kumpasIn(folder, 'train', ...typed);
      const typed = ['--emit', 'slurm', '--processes', '2', '--save-dir', 'night', '--epochs', '3'];
      expect(await train(...typed, '--time', '60')).toMatchObject({
        code: 0,
        output: expect.stringContaining('written: night/train.sbatch\nsubmit:  sbatch night/train.sbatch\n'),
      });
      const script = readFileSync(path.join(folder, 'night/train.sbatch'), 'utf8');
      expect(script).toMatch(/^srun --kill-on-bad-exit=1 .* sweep --out night --join-timeout 600 --trial 0 &$/m);
      expect(script).not.toContain('ARRAY');
      expect(script).not.toContain('--array');
      const { undone } = await collectSweep(path.join(folder, 'night'));
      expect(undone).toMatchObject([{ index: 0, state: 'not begun', trial: { settings: { epochs: 3 } } }]);
      expect(await kumpasIn(folder, 'sweep', '--collect', 'night')).toMatchObject({
        output: expect.stringContaining('Submit it again: sbatch night/train.sbatch'),
      });

      expect(await train(...typed, '--emit', 'k8s', '--image', 'a', '--claim', 'signs', '--mount-path', folder)).toMatchObject({ code: 0 });
      expect(existsSync(path.join(folder, 'night/train.sbatch'))).toBe(false);
      const [service, job, ...more] = parseAllDocuments(readFileSync(path.join(folder, 'night/train.yaml'), 'utf8')).map(
        (document) => document.toJS() as unknown,
      ) as [IService, IJob];
      expect(more).toEqual([]);
      new Service(service).validate();
      new Job(job).validate();
      expect(job.metadata?.name).toMatch(/^kumpas-night-[0-9a-f]{8}$/);
      expect(job.spec).toMatchObject({ completions: 2, completionMode: 'Indexed' });

      for (const [more, problem] of [
        [['--epochs', '4'], /^night: another training lies there: .* has epochs 3, not 4; .* choose another --save-dir$/m],
        [['--resume'], /^--emit and --resume: .*submit it again/m],
        [['--folds', '3'], /^--emit and --folds: that is several trainings/m],
        [['--workers', 'a:1,b:2'], /^--emit and --workers: the scheduler starts as many processes/m],
        [['--loss-weighting', 'gradnorm'], /^--processes: --loss-weighting gradnorm measures/m],
        [['--gpus', '1'], /^--gpus: several processes train together on processors alone/m],
      ] as const)
        expect(await train(...typed, ...more)).toMatchObject({ code: 1, errors: expect.stringMatching(problem) });
      expect(await train('--emit', 'slurm')).toMatchObject({ code: 1, errors: expect.stringMatching(/^--save-dir is missing/m) });
      expect(await train('--cpus', '2')).toMatchObject({ code: 1, errors: expect.stringMatching(/^--cpus: only with --emit/m) });
    });
  });
});
