import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { comparedFromFiles } from '../../src/evaluation/compare/compare';
import { ModelFolder } from '../../src/folder/model-folder';
import { fileDigest } from '../../src/zoo/checksums';
import { findModel, type RegisteredModel } from '../../src/zoo/registered-models';
import { completeReleases, unfinishedReleases, releaseState } from '../../src/zoo/release/complete-releases';
import { diffModel } from '../../src/zoo/release/diff';
import { promoteModel } from '../../src/zoo/release/promote';
import { releaseModel, type ReleaseOutcome, type ReleaseRequest } from '../../src/zoo/release/release';
import { readProduction, readReleases } from '../../src/zoo/release/release-record';
import { sharedCommands } from '../support/commands';
import {
  bestOf,
  changeBest,
  contentOf,
  nudge,
  ownData,
  releaseRequest,
  releaseWorld,
  trainedZoo,
  turnGlossHead,
  type SmallZoo,
} from '../support/small-zoo';

const { inZoo } = trainedZoo();
const { kumpas } = sharedCommands();

let day = 0;
/** Releases on a day of its own, so that each is newer than the one before. */
async function release(
  { root }: SmallZoo,
  model: RegisteredModel,
  changes: Partial<ReleaseRequest> = {},
  warnings: string[] = [],
): Promise<ReleaseOutcome['release']['record']> {
  return (await releaseModel(root, model, releaseRequest(changes), releaseWorld(++day % 28, warnings))).release.record;
}

/** The clips with names for their three glosses. */
function namedData(zoo: SmallZoo, names: readonly string[]): string {
  const data = path.join(path.dirname(zoo.root), names.join('-'));
  cpSync(zoo.data, data, { recursive: true });
  const rows = names.map((name, id) => `${id},${name},${id % 2},${id % 2 === 0 ? 'A' : 'B'}`);
  writeFileSync(path.join(data, 'labels_reference.csv'), ['gloss_id,label,cat_id,category', ...rows, ''].join('\n'));
  return data;
}

function changelogOf({ folder }: RegisteredModel): string {
  return readFileSync(path.join(folder, 'CHANGELOG.md'), 'utf8');
}

describe('release', () => {
  it('plays the life of a model: 1.0.0, better, worse and refused, worse on purpose', async () => {
    await inZoo(async (zoo) => {
      const { model } = zoo;
      turnGlossHead(model);
      const first = await release(zoo, model, { bump: 'major', notes: ['The first\n# that others use'] });
      expect(first).toMatchObject({ version: '1.0.0', previous: null, comparison: null, changes: [], tag: null });
      const place = path.join(model.folder, 'releases', 'v1.0.0');
      const file = path.join(place, 'SignTransformer_production.pt');
      expect(readdirSync(place).sort()).toEqual(['SignTransformer_production.pt', 'evaluation_results', 'release.json']);
      expect(first.checkpoint).toMatchObject({ ...fileDigest(file), version: '1.0.0' });
      expect(readWeights(file).config).toMatchObject({ version: '1.0.0', production: { dtype: 'float32', version: '1.0.0' } });
      expect(new ModelFolder(model.folder).readConfig().run).toMatchObject({ version: '1.0.0', stage: 'production' });
      expect(readProduction(model.folder)).toEqual(first.checkpoint);
      expect(fileDigest(path.join(model.folder, 'SignTransformer_production.pt')).sha256).toBe(first.checkpoint.sha256);
      expect(comparedFromFiles(place)).toMatchObject({ title: `${model.name} v1.0.0`, figures: { gloss: { accuracy: 0 } }, warnings: [] });
      expect(comparedFromFiles(file).title).toBe(`${model.name} v1.0.0`);
      expect(ModelFolder.holding(file).resultsOf(file)).toBe(path.join(model.folder, 'evaluation_results_v1.0.0'));
      expect(changelogOf(model)).toBe(
        [
          `# Changelog of ${model.name}\n\n## v1.0.0 - ${first.created.slice(0, 10)}\n`,
          `- Folder: ${model.name}`,
          `- Data: 22 training and 7 validation clips of data, fingerprint ${String(first.trained_with?.fingerprint.slice(0, 16))}`,
          `- Validation: gloss 0.000, category 1.000 at epoch ${String(first.checkpoint.epoch)}`,
          '- The first',
          String.raw`- \# that others use`,
          '',
        ].join('\n'),
      );

      const released = contentOf(model.folder);
      await expect(release(zoo, model, { bump: 'patch' })).rejects.toThrow(/nothing has changed since v1\.0\.0: the weights of/);
      expect(contentOf(model.folder)).toEqual(released);
      expect(releaseState(model)).toMatchObject({ changed_since_release: false, unfinished: [], problems: [] });

      turnGlossHead(model);
      expect(releaseState(model).changed_since_release).toBe(true);
      const better = await release(zoo, model);
      expect(better.version).toBe('1.1.0');
      const gloss = { before: 0, after: 1, mcnemar_p: expect.closeTo(2 / 2 ** 7, 12) as unknown };
      expect(better.comparison).toEqual({ basis: 'evaluated', clips: 7, gloss, category: { before: 1, after: 1, mcnemar_p: 1 } });
      expect(changelogOf(model)).toContain(
        '- Accuracy from v1.0.0: gloss 0.000 → 1.000 (+100.0 points; McNemar p = 0.016), category 1.000 → 1.000 (±0.0 points; McNemar p = 1)\n',
      );

      turnGlossHead(model);
      const before = contentOf(model.folder);
      await expect(release(zoo, model)).rejects.toThrow(
        /it is less accurate than v1\.1\.0: gloss 1\.000 → 0\.000 \(−100\.0 points; McNemar p = 0\.016\); release it all the same with --allow-regression/,
      );
      expect(contentOf(model.folder)).toEqual(before);
      const worse = await release(zoo, model, { bump: 'patch', allowRegression: true });
      expect(worse).toMatchObject({ version: '1.1.1', regression_allowed: true });
      expect(changelogOf(model)).toMatch(/- Accuracy from v1\.1\.0: .*; less accurate, and released on purpose\n/);
      expect(changelogOf(model).match(/^## v\S+/gm)).toEqual(['## v1.1.1', '## v1.1.0', '## v1.0.0']);
      expect(readReleases(model.folder).map(({ record }) => record.version)).toEqual(['1.0.0', '1.1.0', '1.1.1']);
    });
  });

  it('demands a major version for another architecture or other classes, and says which', async () => {
    await inZoo(async (zoo) => {
      const { model } = zoo;
      const labels = { gloss_labels: ['HELLO', 'YOU', 'LIKE'], category_labels: ['A', 'B'] };
      changeBest(model, (_, values) => values, labels);
      const data = { ...ownData, data: namedData(zoo, labels.gloss_labels) };
      await release(zoo, model, { bump: 'minor', data });
      const same = (_: string, values: Float32Array): Float32Array => values;
      changeBest(model, same, { pooling_method: 'max' });
      await expect(release(zoo, model)).rejects.toThrow(
        /whoever uses v0\.1\.0 must change too, so this release must be --bump major: pooling_method mean → max$/,
      );
      changeBest(model, same, { ...labels, gloss_labels: ['HELLO', 'YOU', 'LOVE'], pooling_method: 'mean' });
      await expect(release(zoo, model, { bump: 'patch' })).rejects.toThrow(/must be --bump major: glosses renamed: LIKE → LOVE$/);
      const warnings: string[] = [];
      await expect(release(zoo, model, { bump: 'major', data })).rejects.toThrow(/gloss 2: the model knows it as LOVE, the data as LIKE/);
      const renamedData = { ...ownData, data: namedData(zoo, ['HELLO', 'YOU', 'LOVE']) };
      const renamed = await release(zoo, model, { bump: 'major', data: renamedData }, warnings);
      expect(renamed).toMatchObject({ version: '1.0.0', changes: ['glosses renamed: LIKE → LOVE'], comparison: { basis: 'recorded' } });
      expect(changelogOf(model)).toContain('- Incompatible with v0.1.0: glosses renamed: LIKE → LOVE\n');

      const diff = diffModel(zoo.root, model, ['v0.1.0', '1.0.0']);
      expect(diff.classes.gloss).toEqual({ added: [], removed: [], renamed: [{ id: 2, before: 'LIKE', after: 'LOVE' }], moved: [] });
      expect(diff.weights.at(-1)).toMatchObject({ part: 'all', relative_distance: 0 });
      changeBest(model, (name, values) => (name.startsWith('gloss_head.3') ? values.map((value) => value * 1.5) : values));
      const now = diffModel(zoo.root, model, []);
      expect(now.weights.find(({ part }) => part === 'embedding')?.relative_distance).toBe(0);
      expect(now.weights.find(({ part }) => part === 'gloss_head.3')?.relative_distance).toBeCloseTo(0.5, 5);
      expect(now.figures.find(({ name }) => name === 'gloss accuracy')).toMatchObject({ before: 1 });
      expect(() => diffModel(zoo.root, model, ['../x'])).toThrow(/expected a version/);
      expect(() => diffModel(zoo.root, model, ['3.0.0'])).toThrow(/no release v3\.0\.0; there are v0\.1\.0, v1\.0\.0/);
    });
  });

  it('compares on other data where that is named, and says where figures cannot be compared', async () => {
    await inZoo(async (zoo) => {
      const { model } = zoo;
      const labels = { gloss_labels: ['HELLO', 'YOU', 'LIKE'], category_labels: ['A', 'B'] };
      changeBest(model, (_, values) => values, labels);
      const data = namedData(zoo, labels.gloss_labels);
      await release(zoo, model, { data: { ...ownData, data } });
      writeFileSync(path.join(data, 'val_labels.csv'), 'file,gloss,cat\nval_0,0,0\nval_1,1,1\nval_2,2,0\n');
      nudge(model);
      const compared = await release(zoo, model, { data: { ...ownData, data }, allowRegression: true });
      expect(compared.comparison).toMatchObject({ basis: 'evaluated', clips: 3 });
      expect(changelogOf(model)).toMatch(/- Validation: .*, on 3 clips of .*HELLO-YOU-LIKE\n/);
      changeBest(model, (_, values) => values, { gloss_labels: ['HELLO', 'YOU', 'LOVE'] });
      const warnings: string[] = [];
      const renamedData = { ...ownData, data: namedData(zoo, ['HELLO', 'YOU', 'LOVE']) };
      const renamed = await release(zoo, model, { bump: 'major', data: renamedData }, warnings);
      expect(renamed.comparison).toEqual({
        basis: 'none',
        reason: 'v0.2.0 has other classes, and its recorded figures are of other clips',
      });
      expect(warnings.join()).toMatch(/cannot be compared with v0\.2\.0: v0\.2\.0 has other classes/);
    });
  });

  it('lets a new folder follow another one’s releases', async () => {
    await inZoo(async (zoo) => {
      const { root, model } = zoo;
      const name = 'transformer_better_09-22';
      cpSync(model.folder, path.join(path.dirname(model.folder), name), { recursive: true });
      const next = findModel(root, name);
      await expect(release(zoo, next, { follows: model.name })).rejects.toThrow(/has no releases that others could go on from/);
      turnGlossHead(model);
      await release(zoo, model, { bump: 'major', notes: ['of the first folder'] });
      await expect(release(zoo, next, { follows: name })).rejects.toThrow(/cannot follow itself/);
      await expect(release(zoo, next, { follows: '../x' })).rejects.toThrow(/holds no such model/);
      const followed = await release(zoo, next, { follows: model.name });
      expect(followed).toMatchObject({ version: '1.1.0', follows: model.name, previous: { model: model.name, version: '1.0.0' } });
      expect(followed.comparison).toMatchObject({ basis: 'evaluated', gloss: { before: 0, after: 1 } });
      expect(new ModelFolder(next.folder).readConfig().run).toMatchObject({ version: '1.1.0', follows: model.name });
      expect(changelogOf(next)).toMatch(
        /^# Changelog of transformer_better_09-22\n\n## v1\.1\.0[^]*which follows [^]*\n\n## v1\.0\.0[^]*of the first folder\n$/,
      );
      await expect(release(zoo, model, { follows: name })).rejects.toThrow(/has releases of its own already, up to v1\.0\.0/);
      nudge(next);
      expect((await release(zoo, next, { bump: 'patch' })).version).toBe('1.1.1');
      expect(diffModel(root, next, ['1.0.0', '1.1.1']).before.title).toBe(`${model.name} v1.0.0`);
    });
  });

  it('keeps a promoted checkpoint’s float16, and a later promotion', async () => {
    await inZoo(async (zoo) => {
      const { model } = zoo;
      await promoteModel(model, { dtype: 'float16', data: ownData }, releaseWorld(1));
      day = 2;
      const released = await release(zoo, model);
      expect(released.checkpoint.dtype).toBe('float16');
      expect(changelogOf(model)).toMatch(/- Weights: float16; in float32 gloss 1\.000, category 1\.000, and logits that differ by up to/);
      nudge(model);
      const promoted = await promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld(20));
      expect(promoted.version).toBeNull();
      expect(unfinishedReleases(model)).toEqual([]);
      expect(readProduction(model.folder)).toEqual(promoted);
    });
  });

  it('tags the commit that is checked out, and refuses before anything is written where git cannot', async () => {
    await inZoo(async (zoo) => {
      const { model } = zoo;
      const git = (...args: string[]): string => execFileSync('git', args, { cwd: zoo.root, encoding: 'utf8', stdio: 'pipe' });
      const before = contentOf(model.folder);
      await expect(release(zoo, model, { tag: true })).rejects.toThrow(/lies in no git repository/);
      git('init', '--quiet');
      git('config', 'user.name', 'A Tester');
      git('config', 'user.email', 'tester@example.org');
      await expect(release(zoo, model, { tag: true })).rejects.toThrow(/no commit that a tag could be of/);
      git('commit', '--quiet', '--allow-empty', '--message=first');
      git('tag', 'transformer_baseline/v0.1.0');
      await expect(release(zoo, model, { tag: true })).rejects.toThrow(/git has a tag transformer_baseline\/v0\.1\.0 already/);
      expect(contentOf(model.folder)).toEqual(before);

      git('tag', '--delete', 'transformer_baseline/v0.1.0');
      const released = await release(zoo, model, { tag: true, notes: ['tagged'] });
      expect(released.tag).toEqual({ name: 'transformer_baseline/v0.1.0', commit: git('rev-parse', 'HEAD').trim() });
      expect(git('cat-file', '-t', 'transformer_baseline/v0.1.0').trim()).toBe('tag');
      expect(git('tag', '--list', '--format=%(contents)')).toMatch(/^## v0\.1\.0 - 2024-09-\d\d\n\n- Folder: [^]*- tagged\n/);
      // A tag that was deleted on purpose stays so; one that a killed release did not come to is made.
      git('tag', '--delete', 'transformer_baseline/v0.1.0');
      expect(completeReleases(model).completed).toEqual([]);
      writeFileSync(path.join(model.folder, 'releases/v0.1.0/.tag-pending'), '');
      expect(completeReleases(model).completed).toEqual(['tag transformer_baseline/v0.1.0']);
      expect(git('tag').trim()).toBe('transformer_baseline/v0.1.0');
      expect(existsSync(path.join(model.folder, 'releases/v0.1.0/.tag-pending'))).toBe(false);
    });
  });

  it('leaves the old state where something cannot be written, and is completed by the next command', async () => {
    await inZoo(async (zoo) => {
      const { root, model } = zoo;
      const releases = path.join(model.folder, 'releases');
      writeFileSync(releases, 'in the way');
      const before = contentOf(root);
      await expect(release(zoo, model)).rejects.toThrow(/releases/);
      expect(contentOf(root)).toEqual(before);
      rmSync(releases);

      const changelog = path.join(model.folder, 'CHANGELOG.md');
      mkdirSync(path.join(changelog, 'in-the-way'), { recursive: true });
      await expect(release(zoo, model)).rejects.toThrow();
      rmSync(changelog, { recursive: true });
      expect(unfinishedReleases(model)).toEqual([
        'CHANGELOG.md: v0.1.0',
        'config.json: version 0.1.0',
        'SignTransformer_production.pt of v0.1.0',
      ]);
      const outcome = await releaseModel(root, model, releaseRequest(), releaseWorld(28));
      expect(outcome).toMatchObject({ completedOnly: true, release: { record: { version: '0.1.0' } } });
      expect(unfinishedReleases(model)).toEqual([]);
      expect(readProduction(model.folder)).toEqual(outcome.release.record.checkpoint);

      rmSync(path.join(releases, 'v0.1.0/release.json'));
      nudge(model);
      await expect(release(zoo, model)).rejects.toThrow(/release\.json: no such file/);
      expect(releaseState(model).problems.join()).toMatch(/release\.json: no such file/);
      writeFileSync(path.join(releases, 'v0.1.0/release.json'), JSON.stringify({ ...outcome.release.record, version: '../../x' }));
      expect(() => readReleases(model.folder)).toThrow(/version: expected a version as 1\.2\.0/);
      const lead = { ...outcome.release.record, checkpoint: { ...outcome.release.record.checkpoint, file: '../../../secret.pt' } };
      writeFileSync(path.join(releases, 'v0.1.0/release.json'), JSON.stringify(lead));
      expect(() => readReleases(model.folder)).toThrow(/checkpoint\.file: expected the name of a file/);
      expect(bestOf(model)).toContain(root);
    });
  });

  it('tells all of it on the command line, for people and for scripts', async () => {
    await inZoo(async ({ root, model: { name } }) => {
      const typed = [
        ['changelog', name],
        ['promote', name, '--dtype', 'float16'],
        // A flag that may come several times takes one text each, and the name may come last.
        ['release', '--bump', 'major', '--dtype', 'float32', '--notes', 'one', '--notes', 'two', name],
        ['show', name],
        ['show', name, '--json'],
        ['diff', name],
        ['diff', name, 'v1.0.0', '--json'],
        ['release', name, '--bump', 'minor', '--dtype', 'float16', '--notes', 'three', '--json'],
        ['changelog', name],
        ['changelog', name, '--json'],
        ['release', name, '--bump', 'minor'],
        ['promote', name, '--dtype', 'int8'],
      ];
      const said: string[] = [];
      for (const argv of typed) {
        const { output, errors } = await kumpas('models', ...argv, '--root', root);
        said.push(output === '' ? errors : output);
      }
      const [none, promoted, first, shown, shownJson, diff, diffJson, second, changelog, changelogJson, noNotes, noDtype] = said;
      expect(none).toMatch(/has no release yet; npm run models -- release/);
      expect(promoted).toMatch(
        /is in production\n[^]*on 7 clips of [^]*gloss +100\.0 % +100\.0 % +none\n[^]*logits differ by up to [^]*weights in float16\n/,
      );
      expect(first).toMatch(/v1\.0\.0 is released\n[^]* - one\n {2}- two\n[^]*releases\/v1\.0\.0\n/);
      expect(shown).toMatch(
        /stage +production, version 1\.0\.0\n[^]*releases +v1\.0\.0 of \d{4}-\d\d-\d\d \(gloss 100\.0 %\)\n[^]*the weights are those of v1\.0\.0[^]*production +SignTransformer_production\.pt, float32/,
      );
      expect(JSON.parse(shownJson ?? '')).toMatchObject({
        releases: [{ version: '1.0.0', gloss_acc: 1 }],
        changed_since_release: false,
        production: { version: '1.0.0' },
      });
      expect(diff).toMatch(/^From \S+ v1\.0\.0 to \S+ now\n[^]*architecture\n {2}the same\n[^]*gloss_head\.3 +not moved +\d+ values\n/);
      expect(JSON.parse(diffJson ?? '')).toMatchObject({ before: { version: '1.0.0' }, architecture: [] });
      expect(JSON.parse(second ?? '')).toMatchObject({ version: '1.1.0', completed_only: false, notes: ['three'] });
      expect(changelog?.match(/^- (one|two|three)$/gm)).toEqual(['- three', '- one', '- two']);
      const { entries } = JSON.parse(changelogJson ?? '') as { entries: { release: { notes: string[] } }[] };
      expect(entries.map(({ release: { notes } }) => notes)).toEqual([['three'], ['one', 'two']]);
      expect(noNotes).toMatch(/^--notes is missing/);
      expect(noDtype).toMatch(/^--dtype: expected float32 or float16, found "int8"/);
    });
  });
});
