import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readWeights, writeTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { ModelFolder } from '../../src/folder/model-folder';
import { lockFileOf, lockFolder } from '../../src/foundation/folder-lock';
import { archiveModel } from '../../src/zoo/archive/archive-model';
import { checkRegistry } from '../../src/zoo/check/check-registry';
import type { RegisteredModel } from '../../src/zoo/registered-models';
import { promoteModel } from '../../src/zoo/release/promote';
import { releaseModel, type ReleaseRequest } from '../../src/zoo/release/release';
import { inTemporaryFolder } from '../support/clip-files';
import { torchFolder } from '../support/parity';
import { addModel, findingsOf, later, snapshotOf, writeEvaluation } from '../support/small-registry';
import { nudge, ownData, releaseRequest, releaseWorld, trainedZoo } from '../support/small-zoo';

const BEST = 'SignTransformer_best.pt';
const COLUMNS = 'epoch,train_loss,val_loss,gloss_acc,cat_acc,lr';

/** A model as a training leaves it, of the fixture's weights: what an import says of itself is taken out. */
async function trainedModel(root: string, description = 'trained', epochs = 3): Promise<RegisteredModel> {
  const model = await addModel(root, description);
  const { model: weights, config = {} } = readWeights(path.join(model.folder, BEST));
  const own = Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'told_settings' && key !== 'imported_from'));
  const state = { model: weights, bestMetric: 0.5, optimizer: undefined, scheduler: undefined, args: undefined, config: own };
  rmSync(path.join(model.folder, 'SignTransformer_last.pt'));
  writeTrainingCheckpoint(path.join(model.folder, BEST), { ...state, epoch: 2 });
  writeTrainingCheckpoint(path.join(model.folder, 'SignTransformer_last.pt'), { ...state, epoch: epochs });
  const rows = Array.from({ length: epochs }, (_, index) => `${index + 1},1,1,${index === 1 ? 0.5 : 0.25},0.5,0.001`);
  writeFileSync(path.join(model.folder, 'training_log.txt'), `${[COLUMNS, ...rows].join('\n')}\n`);
  const incident = '{"event":"recovered","after_epoch":1,"after_batch":0,"time":"","text":"back to the state after epoch 1"}';
  const metrics = rows.map((_, index) => `{"epoch":${index + 1}}`);
  writeFileSync(path.join(model.folder, 'metrics.jsonl'), `${[...metrics.slice(0, 1), incident, ...metrics.slice(1)].join('\n')}\n`);
  changeRecord(model, (record) => delete record.run['imported_from']);
  return model;
}

function changeRecord({ folder }: RegisteredModel, change: (record: { model: string; run: Record<string, unknown> }) => void): void {
  const file = path.join(folder, 'config.json');
  const record = JSON.parse(readFileSync(file, 'utf8')) as { model: string; run: Record<string, unknown> };
  change(record);
  writeFileSync(file, JSON.stringify(record));
}

type Damage = (model: RegisteredModel, at: (name: string) => string) => void;

const write =
  (name: string, text: string): Damage =>
  (_, at) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
const log = (...rows: string[]): Damage => write('training_log.txt', `${[COLUMNS, ...rows].join('\n')}\n`);
const fixture =
  (name: string, as: string): Damage =>
  (_, at) => {
    copyFileSync(path.join(torchFolder, name), at(as));
  };
const record =
  (change: Parameters<typeof changeRecord>[1]): Damage =>
  (model) => {
    changeRecord(model, change);
  };

const evaluated =
  (epoch: number): Damage =>
  ({ folder }) => {
    writeEvaluation(folder, 0.5, { epoch });
  };

const damages: readonly (readonly [string, Damage, RegExp])[] = [
  [
    'a log of other columns',
    write('training_log.txt', 'epoch,loss\n1,2\n'),
    /^problem .*training_log\.txt: .*expected the columns epoch,train_loss/,
  ],
  ['a log that lacks a row', log('1,1,1,0.25,0.5,0.1', '3,1,1,0.25,0.5,0.1'), /^problem .*epoch 3 does not follow/],
  [
    'a log of percentages',
    log('1,1,1,25,50,0.1', '2,1,1,0.5,0.5,0.1', '3,1,1,0.2,0.5,0.1'),
    /^problem .*epoch 1: expected accuracies from 0 to 1/,
  ],
  ['a log that ends too early', log('1,1,1,0.25,0.5,0.1'), /^problem .*last row is of epoch 1, _last\.pt of epoch 3/],
  [
    'a log of another training',
    log('1,1,1,0.2,0.5,0.1', '2,1,1,0.9,0.5,0.1', '3,1,1,0.1,0.5,0.1'),
    /^problem .*epoch 2 has gloss_acc 0\.9, _best\.pt says 0\.5/,
  ],
  [
    'metrics of an epoch that is not logged',
    write('metrics.jsonl', '{"epoch":1}\n{"epoch":9}\n'),
    /^problem .*metrics\.jsonl: it has figures of epoch 9/,
  ],
  ['metrics that are none', write('metrics.jsonl', '{"epoch":1}\nnonsense\n{"epoch":2}\n'), /^problem .*line 2 is no epoch's figures/],
  ['metrics that were cut off', write('metrics.jsonl', '{"epoch":1}\n{"epoch":2}\n{"epo'), /^remark .*its last line was cut off/],
  ['a checkpoint of another shape', fixture('bad_wrong_shape.pt', BEST), /^problem .*SignTransformer_best\.pt: .*do not fit/],
  ['a checkpoint that would run something', fixture('bad_malicious_os_system.pt', BEST), /^problem .*SignTransformer_best\.pt: .*system/],
  [
    'a checkpoint of another model',
    fixture('iv3_gru_features_only.pt', BEST),
    /^problem .*it holds iv3_gru, config\.json says transformer/,
  ],
  ['a second best checkpoint', fixture('tiny_full.pt', 'Other_best.pt'), /^problem .*several checkpoints end in _best\.pt/],
  [
    'no checkpoint',
    (_, at) => {
      [BEST, 'SignTransformer_last.pt'].forEach((name) => {
        rmSync(at(name));
      });
    },
    /^problem .*it holds no checkpoint/,
  ],
  [
    'no best checkpoint',
    (_, at) => {
      rmSync(at(BEST));
    },
    /^remark .*it holds no _best\.pt/,
  ],
  [
    'no config.json',
    (_, at) => {
      rmSync(at('config.json'));
    },
    /^problem .*config\.json: .*no such file/,
  ],
  ['a config.json that is no JSON', write('config.json', '{"model": '), /^problem .*config\.json: .*no valid JSON/],
  ['a config.json of other settings', record((told) => Object.assign(told, { batch_size: -1 })), /^problem .*config\.json: .*batch_size/],
  [
    'a config.json of another shape',
    record((told) => Object.assign(told.run['model'] as object, { n_layers: 5 })),
    /^problem .*its n_layers is 2, config\.json says 5/,
  ],
  [
    'a config.json of other classes',
    record((told) => (told.run['classes'] = { gloss: 8, category: 3 })),
    /^problem .*7 glosses in 3 categories apart, config\.json says 8 in 3/,
  ],
  ['figures of an earlier epoch', evaluated(1), /^remark .*it is of epoch 1, the checkpoint of epoch 2/],
  ['an evaluation that was stopped', write('evaluation_results/report.html', ''), /^remark .*an evaluation was stopped/],
  ['figures that are none', write('evaluation_results/evaluation.json', '{}'), /^problem .*evaluation\.json: .*evaluate the model again/],
  [
    'a production checkpoint that nothing tells of',
    fixture('tiny_full.pt', 'SignTransformer_production.pt'),
    /^problem .*there is no production\.json/,
  ],
  [
    'a production.json without its checkpoint',
    write('production.json', '{}'),
    /^problem .*the production checkpoint that it tells of is missing/,
  ],
  [
    'a version that was not released',
    record((told) => (told.run['version'] = '1.0.0')),
    /^problem .*its version is 1\.0\.0, which releases\/ does not have/,
  ],
  ['a release that tells nothing', write('releases/v1.0.0/x.txt', ''), /^problem .*releases\/v1\.0\.0\/release\.json: no such file/],
  ['a folder that is no release', write('releases/latest/x.txt', ''), /^problem .*expected a folder named after a version/],
  ['a manifest that lies', write('manifest.json', '{"format":"kumpas-pack"}'), /^problem .*manifest\.json: .*no pack that Kumpas made/],
  [
    'a manifest that leads out',
    write(
      'manifest.json',
      JSON.stringify({
        format: 'kumpas-pack',
        format_version: 1,
        name: 'a',
        model: 'a',
        kumpas: '',
        files: [{ path: '../../x', bytes: 1, sha256: '0'.repeat(64) }],
      }),
    ),
    /^problem .*expected a path within a model folder/,
  ],
];

const { inZoo } = trainedZoo();

describe('a check of a model', () => {
  it('finds nothing where nothing is wrong', async () => {
    await inTemporaryFolder(async (root) => {
      await trainedModel(root);
      expect(await findingsOf(root)).toEqual([]);
    });
  });

  it.each(damages)('finds %s, says what to do, and does not mend it', async (_, damage, message) => {
    await inTemporaryFolder(async (root) => {
      const model = await trainedModel(root);
      damage(model, (name) => path.join(model.folder, name));
      const found = await findingsOf(root);
      expect(found).toEqual(expect.arrayContaining([expect.stringMatching(message)]));
      const before = snapshotOf(root);
      expect(await findingsOf(root, true)).toEqual(found);
      expect(snapshotOf(root)).toEqual(before);
    });
  });

  it('holds names against types and folders', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder } = await trainedModel(root);
      const names = [
        'transformer/mine',
        'transformer/iv3_gru_x_11-24',
        'iv3_gru/transformer_y_11-24',
        'transformer_z_11-24',
        'transformer/transformer_w_13-40',
      ];
      for (const name of names) cpSync(folder, path.join(root, name), { recursive: true });
      rmSync(folder, { recursive: true });
      mkdirSync(path.join(root, 'resnet'));
      await findingsOf(root, true);
      expect(await findingsOf(root)).toEqual([
        'problem transformer_y_11-24: : it lies in iv3_gru/, config.json says transformer',
        'problem iv3_gru_x_11-24: : its name says iv3_gru, config.json says transformer',
        'problem mine: : expected a name like {model_type}_{description}_{MM-DD}',
        'problem transformer_w_13-40: : expected a name like {model_type}_{description}_{MM-DD}',
        'remark transformer_z_11-24: : it lies outside of a folder transformer/',
        'remark resnet: : expected a folder of a type: transformer, iv3_gru',
      ]);
    });
  });

  it('holds releases, their versions and the changelog against each other, and completes what was stopped', async () => {
    await inZoo(async ({ root, model }) => {
      const { folder } = model;
      const release = async (changes: Partial<ReleaseRequest>, day: number): Promise<void> => {
        await releaseModel(root, model, releaseRequest(changes), releaseWorld(day));
      };
      await release({ bump: 'major' }, 20);
      nudge(model);
      await release({ bump: 'minor' }, 21);
      expect(await findingsOf(root)).toEqual([]);

      // As a release that was killed leaves it: the release is there, what follows from it is not.
      new ModelFolder(folder).updateRegistryFacts({ version: '1.0.0' });
      const changelog = path.join(folder, 'CHANGELOG.md');
      writeFileSync(changelog, readFileSync(changelog, 'utf8').replace(/## v1\.1\.0[^]*?(?=## v1\.0\.0)/, ''));
      rmSync(path.join(folder, 'production.json'));
      const stopped = await findingsOf(root);
      expect(stopped.join()).toMatch(
        /^remark .*stopped before it had written all: CHANGELOG\.md: v1\.1\.0; config\.json: version 1\.1\.0; SignTransformer_production\.pt of v1\.1\.0$/,
      );
      await findingsOf(root, true);
      expect(await findingsOf(root)).toEqual([]);
      expect(new ModelFolder(folder).readConfig().run.version).toBe('1.1.0');
      expect(readFileSync(changelog, 'utf8')).toContain('## v1.1.0 - ');

      const released = (version: string, file: string): string => path.join(folder, 'releases', version, file);
      copyFileSync(path.join(torchFolder, 'tiny_half.pt'), released('v1.0.0', 'SignTransformer_production.pt'));
      rmSync(released('v1.1.0', 'SignTransformer_production.pt'));
      const found = (await findingsOf(root)).join('\n');
      expect(found).toMatch(/v1\.0\.0\/SignTransformer_production\.pt: its checksum is not the one of the release/);
      expect(found).toMatch(/v1\.1\.0\/SignTransformer_production\.pt: it is missing/);
      const told = JSON.parse(readFileSync(released('v1.1.0', 'release.json'), 'utf8')) as { checkpoint: { file: string } };
      writeFileSync(released('v1.1.0', 'release.json'), JSON.stringify({ ...told, checkpoint: { ...told.checkpoint, file: '../../x' } }));
      expect((await findingsOf(root)).join('\n')).toMatch(/v1\.1\.0\/release\.json: checkpoint\.file: expected the name of a file/);
    });
  });

  it('holds a production checkpoint against production.json', async () => {
    await inZoo(async ({ root, model }) => {
      const { folder } = model;
      await promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld());
      expect(await findingsOf(root)).toEqual([]);
      const file = path.join(folder, 'production.json');
      const recorded = readFileSync(file, 'utf8');
      writeFileSync(
        file,
        recorded
          .replace(/"sha256": "[0-9a-f]{64}"(?=\s*})/, `"sha256": "${'0'.repeat(64)}"`)
          .replace(/("bytes": \d+,\s*"sha256": ")[0-9a-f]{64}/, `$1${'0'.repeat(64)}`),
      );
      expect((await findingsOf(root)).join('\n')).toMatch(/^problem .*_production\.pt: its checksum is not the one in production\.json/m);
      writeFileSync(file, recorded);
      nudge(model);
      expect((await findingsOf(root)).join('\n')).toMatch(/^remark .*SignTransformer_best\.pt has changed since it was promoted/m);
    });
  });
});

describe('--fix', () => {
  it('takes up a new name, writes a missing card, and removes what killed processes left', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder } = await trainedModel(root);
      const renamed = path.join(root, 'transformer', 'transformer_renamed_11-24');
      renameSync(folder, renamed);
      rmSync(path.join(renamed, 'README.md'));
      writeEvaluation(renamed, 0.5, { epoch: 2 });
      const leftovers = [
        path.join(renamed, '.config.json.0123abcd.tmp'),
        path.join(renamed, 'SignTransformer_last.pt.tmp'),
        path.join(renamed, 'evaluation_results', '.report.html.0123abcd.tmp'),
        path.join(root, 'transformer', '.transformer_gone_11-24.0123abcd.tmp'),
        path.join(root, 'archive', '.transformer_gone_11-24.tar.gz.0123abcd.tmp'),
        lockFileOf(renamed),
      ];
      for (const file of leftovers) {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, '');
      }
      mkdirSync(path.join(root, 'transformer', '.transformer_half_11-24.0123abcd.tmp', 'inner'), { recursive: true });
      // A lock whose holder cannot be told is believed for ten minutes.
      utimesSync(lockFileOf(renamed), new Date(0), new Date(0));
      expect((await findingsOf(root)).filter((finding) => finding.startsWith('problem'))).toHaveLength(9);

      const { findings, mended } = await checkRegistry({ root, names: [], fix: true, now: later() });
      expect(findings).toEqual([]);
      expect(mended.map(({ done }) => done)).toEqual(
        expect.arrayContaining(['run.name is the name of the folder now', 'written, from config.json and the figures', 'removed']),
      );
      expect(new ModelFolder(renamed).readConfig().run.name).toBe('transformer_renamed_11-24');
      expect(readFileSync(path.join(renamed, 'README.md'), 'utf8')).toMatch(/^# transformer\\_renamed\\_11-24\n[^]*50\.0 %/);
      for (const file of leftovers) expect([file, existsSync(file)]).toEqual([file, false]);
      expect(snapshotOf(path.join(root, 'transformer')).filter((line) => line.startsWith('.'))).toEqual([]);
    });
  });

  it('lets alone what another process holds, or was writing a moment ago', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder } = await trainedModel(root);
      const file = path.join(folder, '.config.json.0123abcd.tmp');
      writeFileSync(file, '');
      const { findings, mended } = await checkRegistry({ root, names: [], fix: true, now: new Date() });
      expect(mended.map(({ done }) => done)).toEqual([expect.stringContaining('left alone')]);
      expect(findings).toHaveLength(1);
      const lock = lockFolder(folder, 'train');
      expect(await findingsOf(root, true)).toEqual([expect.stringMatching(/^remark .*another process is at work on it/)]);
      expect(existsSync(file)).toBe(true);
      lock.release();
      expect(await findingsOf(root, true)).toEqual([]);
    });
  });

  it('ends what archiving and restoring began, and never removes the only copy', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await trainedModel(root);
      cpSync(model.folder, path.join(root, 'copy'), { recursive: true });
      const { archive, sidecar } = await archiveModel(root, model, { now: later(), kumpas: '0.0.0' });
      renameSync(path.join(root, 'copy'), model.folder);
      expect(await findingsOf(root)).toEqual([expect.stringMatching(/is there too, with the same files/)]);
      writeFileSync(path.join(model.folder, 'new.txt'), 'by hand');
      expect(await findingsOf(root, true)).toEqual([expect.stringMatching(/is there too, and is another/)]);
      expect(existsSync(archive)).toBe(true);
      // Whoever archives or restores at this moment is not interfered with.
      const lock = lockFolder(path.join(root, 'archive', model.name), 'archive');
      rmSync(path.join(model.folder, 'new.txt'));
      expect(await findingsOf(root, true)).toEqual([expect.stringMatching(/^remark .*another process is at work on it/)]);
      lock.release();
      writeFileSync(path.join(model.folder, 'new.txt'), '');
      rmSync(path.join(model.folder, 'new.txt'));
      expect(await findingsOf(root, true)).toEqual([]);
      expect([archive, sidecar, model.folder].map((file) => existsSync(file))).toEqual([false, false, true]);

      await archiveModel(root, model, { now: later(), kumpas: '0.0.0' });
      renameSync(archive, path.join(root, 'aside'));
      expect(await findingsOf(root, true)).toEqual([expect.stringMatching(/which it tells of, is missing/)]);
      renameSync(path.join(root, 'aside'), archive);
      rmSync(sidecar);
      expect(await findingsOf(root, true)).toEqual([expect.stringMatching(/it is missing, so .* is not listed/)]);
    });
  });

  it('refuses names that are no models', async () => {
    await inTemporaryFolder(async (root) => {
      const { name } = await trainedModel(root);
      const check = (...names: string[]): Promise<unknown> => checkRegistry({ root, names, fix: false, now: later() });
      await expect(check(name)).resolves.toMatchObject({ models: [name], findings: [] });
      for (const hostile of ['..', '-x', 'a\nb', 'x'.repeat(300)])
        await expect(check(hostile)).rejects.toThrow(/the name of a model: expected/);
      await expect(check('../x')).rejects.toThrow(/holds no such model/);
      await expect(check('transformer_traned_11-24')).rejects.toThrow(/did you mean/);
    });
  });
});
