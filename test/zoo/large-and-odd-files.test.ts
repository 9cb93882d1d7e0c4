import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FileSource } from '../../src/checkpoint/bytes';
import { parseLegacyLog, readLegacyLog } from '../../src/conversion/legacy-log';
import { readEvaluation } from '../../src/evaluation/results/contents';
import { curvesBeside } from '../../src/evaluation/training-curves';
import { ModelFolder } from '../../src/folder/model-folder';
import { notesLines, keepHandWritten } from '../../src/folder/readme';
import { MetricsLog, readTrainingLog } from '../../src/folder/training-log';
import { lockState } from '../../src/foundation/folder-lock';
import { checksumOf } from '../../src/zoo/checksums';
import { removeUnfinished } from '../../src/zoo/leftovers';
import { readHistory } from '../../src/zoo/monitor/history';
import { manifestIn } from '../../src/zoo/pack/manifest';
import { verify } from '../../src/zoo/pack/unpack-model';
import { readTar, USUAL_LIMITS } from '../../src/zoo/tar/read-tar';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-large-logs-'));
const place = (name: string): string => path.join(folder, name);
const header = 'epoch,train_loss,val_loss,gloss_acc,cat_acc,lr';
const rows = (count: number): string => Array.from({ length: count }, (_, epoch) => `${epoch},1,1,0.5,0.5,0.1`).join('\n');

describe('a log', () => {
  it('of more rows than a training has epochs is refused in a line', () => {
    const text = `${header}\n${'1,1,1,1,1,1\n'.repeat(1_000_001)}`;
    writeFileSync(place('two-million.txt'), text);
    expect(() => readTrainingLog(place('two-million.txt'))).toThrow(/more than 1000000 rows, and no training has so many epochs/);
    expect(() => parseLegacyLog(text, 'old.csv')).toThrow(/old\.csv: it has 1000002 lines, and no training has more than 1000000 epochs/);
  });

  it('of tens of thousands of rows is read whole', () => {
    writeFileSync(place('training_log.txt'), `${header}\n${rows(40_000)}\n`);
    expect(readTrainingLog(place('training_log.txt')).at(-1)).toMatchObject({ epoch: 39_999, lr: 0.1 });
    expect(curvesBeside(place('x.pt'))).toHaveLength(40_000);
  });

  it('has settings in comments of any length', () => {
    const comments = [
      `# ${'a'.repeat(300_000)}`,
      `# ${'a '.repeat(150_000)}`,
      `#${' '.repeat(300_000)}`,
      '# Epochs: 30 batch size = 16, x_: 1, Time: 12:45:48',
      `# lr=1,${'b=2,'.repeat(70_000)}`,
    ];
    const { settings } = parseLegacyLog([...comments, header, '1,1,1,1,1,1'].join('\n'), 'old.csv');
    expect(settings).toEqual({ epochs: 30, batch_size: 16, x_: 1, lr: 1, b: 2 });
  });
});

describe('a README.md', () => {
  it('of 60,000 open marks keeps what is between them', () => {
    const [, , start = ''] = notesLines();
    const written = ['# model', '', ...notesLines()].join('\n');
    const old = Array.from({ length: 60_000 }, (_, index) => `${start}\nnote ${index}`).join('\n');
    const kept = keepHandWritten(written, old);
    expect(kept).toContain('note 0\n');
    expect(kept).toContain('note 59999\n');
    expect(keepHandWritten(written, kept)).toBe(kept);
  });
});

describe('a history', () => {
  it('of thousands of wrong lines is told by the first of them', () => {
    const columns = 'date,version,data,fingerprint,clips,gloss_acc,gloss_low,gloss_high,cat_acc,cat_low,cat_high,f1_weighted';
    writeFileSync(place('history.csv'), `${columns},expected_calibration_error,verdict,basis\n${`${'x,'.repeat(14)}x\n`.repeat(20_000)}`);
    expect(() => readHistory(place('history.csv'))).toThrow(/there may be more: the lines below were not looked at$/);
  });
});

describe('a leftover with links that lead back up', () => {
  it('is gone through once', () => {
    mkdirSync(place('left'));
    for (let link = 0; link < 12; link++) execFileSync('ln', ['-s', '.', path.join(place('left'), `link-${link}`)]);
    expect(removeUnfinished(place('left'), new Date(Date.now() + 60_000))).toBe(true);
  });
});

describe('a named pipe in the place of a file is told at once', () => {
  const pipes = place('pipes');
  mkdirSync(pipes);
  for (const name of ['training_log.txt', 'config.json', 'manifest.json', 'pipe']) execFileSync('mkfifo', [path.join(pipes, name)]);
  execFileSync('mkfifo', [place('.pipes.lock')]);
  const pipe = path.join(pipes, 'pipe');
  it.each<[string, () => unknown]>([
    ['a checkpoint', () => new FileSource(pipe)],
    ['a log to import', () => readLegacyLog(pipe)],
    ['a training log', () => readTrainingLog(pipe)],
    ['metrics', () => new MetricsLog(pipe, 1)],
    ['an evaluation', () => readEvaluation(pipe)],
    ['a history', () => readHistory(pipe)],
    ['a config.json', () => new ModelFolder(pipes).readConfig()],
    ['a manifest', () => manifestIn(pipes)],
    ['a file to sum', () => checksumOf(pipe)],
    ['a lock', () => lockState(pipes)],
  ])('%s', (_what, read) => {
    expect(read).toThrow(/expected a file, found a named pipe/);
  });

  it('a pack', async () => {
    await expect(readTar(pipe, { hidden: false, links: false, ...USUAL_LIMITS }, () => undefined)).rejects.toThrow('found a named pipe');
  });

  it('a pack that is verified', async () => {
    await expect(verify(folder, pipe)).rejects.toThrow(`${pipe}: expected a file, found a named pipe`);
  });

  it('and of a log beside a checkpoint no curves are drawn', () => {
    expect(curvesBeside(path.join(pipes, 'x.pt'))).toEqual([]);
  });
});

it('a model folder whose config.json cannot be read is not called verified', async () => {
  const model = place('transformer_broken_09-20');
  mkdirSync(model);
  writeFileSync(path.join(model, 'training_log.txt'), `${header}\n${rows(2)}\n`);
  writeFileSync(path.join(model, 'config.json'), '{ "model": ');
  const { findings } = await verify(folder, 'transformer_broken_09-20');
  expect(findings).toEqual([
    expect.objectContaining({ severity: 'problem', place: 'config.json', what: expect.stringContaining('no valid JSON') as unknown }),
  ]);
});
