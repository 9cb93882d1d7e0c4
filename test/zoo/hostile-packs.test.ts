import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { Pax } from 'tar';
import { MANIFEST_FILE } from '../../src/zoo/pack/manifest';
import { unpackModel, verify } from '../../src/zoo/pack/unpack-model';
import { USUAL_LIMITS, PathSet, pathProblem } from '../../src/zoo/tar/read-tar';
import { inTemporaryFolder } from '../support/clip-files';
import { blocks, goodFiles, NAME, packOf, tarOf, type Entry, type ManifestText } from '../support/pack-by-hand';
import { torchFolder } from '../support/parity';
import { findingsOf, snapshotOf } from '../support/small-registry';

/** Tries to unpack, and holds that nothing was written, inside or outside of the registry. */
async function expectRefused(folder: string, bytes: Buffer, message: RegExp): Promise<void> {
  const file = path.join(folder, 'hostile.tar.gz');
  writeFileSync(file, bytes);
  const target = path.join(folder, 'deep', 'target');
  const before = snapshotOf(folder);
  await expect(unpackModel(file, target, undefined)).rejects.toThrow(message);
  await expect(verify(folder, file)).rejects.toThrow(message);
  expect(snapshotOf(folder)).toEqual(before);
  rmSync(file);
}

describe('a hostile pack', () => {
  it('is refused whatever its entries are, and nothing is written', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const good = packOf(files);
      const isFile = (message: string): RegExp => new RegExp(`${message}.*nothing was written`);
      const link = (fields: Entry['fields']): Entry => ({ path: `${NAME}/README.md`, fields });
      const added: readonly (readonly [Entry, RegExp])[] = [
        [{ path: `${NAME}/../../evil`, content: 'x' }, isFile('leads out of its folder')],
        [{ path: '../evil', content: 'x' }, isFile('leads out of its folder')],
        [{ path: '/tmp/kumpas-evil', content: 'x' }, isFile('absolute')],
        [{ path: `${NAME}//README.md`, content: 'x' }, isFile('empty part')],
        [{ path: `${NAME}/a\\..\\b`, content: 'x' }, isFile('characters')],
        [{ path: `${NAME}/C:evil`, content: 'x' }, isFile('characters')],
        [{ path: `${NAME}/CON.txt`, content: 'x' }, isFile('device on Windows')],
        [{ path: `${NAME}/.bashrc`, content: 'x' }, isFile('hidden')],
        [{ path: `${NAME}/.git/config`, content: 'x' }, isFile('git repository')],
        [{ path: `${NAME}/-rf`, content: 'x' }, isFile('a space or a dash')],
        [{ path: `${NAME}/a\u202egnp.sh`, content: 'x' }, isFile('do not show')],
        [{ path: `${NAME}/a\u001b[2J`, content: 'x' }, isFile('do not show')],
        [{ path: `${NAME}/e\u0301`, content: 'x' }, isFile('normal form')],
        [{ path: `${NAME}/${'d/'.repeat(10)}x`, content: 'x' }, isFile('folders deep')],
        [{ path: `${NAME}/extra.py`, content: 'x' }, isFile('should not be in it')],
        [{ path: 'other/README.md', content: 'x' }, isFile('should not be in it')],
        [{ path: `${NAME}/README.md`, content: files.get('README.md') ?? '' }, isFile('comes twice')],
        [{ path: `${NAME}/readme.MD`, content: files.get('README.md') ?? '' }, isFile('differs from it in case only')],
        [{ path: `${NAME}/README.md/x`, content: 'x' }, isFile('lies in what is a file')],
        [{ path: `${NAME}/link/`, fields: { type: 'Directory', path: `${NAME}/../up/` } }, isFile('leads out')],
        [{ path: `${NAME}/dir`, fields: { path: `${NAME}/examples`, type: 'File' } }, isFile('a file and a folder')],
      ];
      for (const [entry, message] of added) await expectRefused(folder, gzipSync(tarOf([...good, entry])), message);
      const kinds: readonly (readonly [Entry, RegExp])[] = [
        [link({ type: 'SymbolicLink', linkpath: '/etc/passwd', size: 0 }), isFile('symbolic link')],
        [link({ type: 'Link', linkpath: `${NAME}/config.json`, size: 0 }), isFile('it is a link')],
        [link({ type: 'CharacterDevice', size: 0 }), isFile('device')],
        [link({ type: 'BlockDevice', size: 0 }), isFile('device')],
        [link({ type: 'FIFO', size: 0 }), isFile('pipe')],
        [link({ type: 'ContiguousFile', size: 0 }), isFile('no file')],
      ];
      const [manifest = { path: '' }, ...others] = good;
      const without = others.filter((entry) => !entry.path.endsWith('/README.md'));
      for (const [entry, message] of kinds) await expectRefused(folder, gzipSync(tarOf([manifest, entry, ...without])), message);
      // An ordinary name in the header, another one in the extended header before it.
      const extended = new Pax({ path: `${NAME}/../../evil`, size: 1 }).encode();
      await expectRefused(folder, gzipSync(tarOf(good, [extended, blocks({ path: `${NAME}/x`, content: 'x' })])), isFile('leads out'));
      expect(existsSync('/tmp/kumpas-evil')).toBe(false);
    });
  });

  it('is refused where its manifest lies, and where it is damaged', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const good = packOf(files);
      const lying = (change: (manifest: ManifestText) => void, message: RegExp): Promise<void> =>
        expectRefused(folder, gzipSync(tarOf(packOf(files, change))), message);
      const fileOf = (manifest: ManifestText): ManifestText['files'][number] => manifest.files[0] ?? { path: '', bytes: 0, sha256: '' };
      await lying((manifest) => (fileOf(manifest).sha256 = '0'.repeat(64)), /README\.md: its checksum is another/);
      await lying((manifest) => (fileOf(manifest).bytes += 1), /README\.md: expected \d+ bytes, found/);
      await lying(
        (manifest) => (fileOf(manifest).path = '../README.md'),
        /manifest\.json: files\.0\.path: expected a path within a model folder/,
      );
      await lying((manifest) => manifest.files.splice(0, 1), /README\.md should not be in it/);
      await lying((manifest) => manifest.files.push({ path: 'gone.txt', bytes: 1, sha256: '0'.repeat(64) }), /gone\.txt: missing in it/);
      await lying((manifest) => manifest.files.push({ ...fileOf(manifest) }), /comes twice/);
      await lying((manifest) => (manifest.name = '../../evil'), /manifest\.json: name: expected the name of a model folder/);
      await lying((manifest) => (manifest.name = 'transformer_other_11-24'), /it is of transformer_other_11-24, and lies in the folder/);
      await lying((manifest) => (manifest.model = '../x'), /its model is "\.\.\/x"/);
      await lying((manifest) => (manifest.model = 'iv3_gru'), /config\.json says transformer, manifest\.json iv3_gru/);
      await lying(
        (manifest) => (manifest.files = manifest.files.filter((file) => file.path !== 'config.json')),
        /it names no config\.json/,
      );
      await lying((manifest) => (manifest.files = manifest.files.filter((file) => !file.path.endsWith('.pt'))), /it names no checkpoint/);

      const [manifest = { path: '' }, ...others] = good;
      await expectRefused(folder, gzipSync(tarOf([...others, manifest])), /its first file is .*, not manifest\.json/);
      await expectRefused(folder, gzipSync(tarOf([{ ...manifest, content: 'no json' }, ...others])), /it is no JSON/);
      await expectRefused(folder, gzipSync(tarOf([])), /it holds no (files|tar archive)/);
      await expectRefused(folder, Buffer.from('no archive at all'), /it is damaged, or no \.tar\.gz/);
      await expectRefused(folder, Buffer.alloc(0), /it (is damaged|holds no tar archive)/);
      await expectRefused(folder, gzipSync('x'), /it holds no tar archive/);
      const whole = gzipSync(tarOf(good));
      await expectRefused(folder, gzipSync(whole), /it holds no tar archive/);
      for (const length of [20, whole.length >> 1, whole.length - 4])
        await expectRefused(folder, whole.subarray(0, length), /it is damaged|it ends in the middle|it holds no tar archive/);
      const tar = tarOf(good);
      await expectRefused(folder, gzipSync(tar.subarray(0, tar.length >> 1)), /damaged|in the middle/);
      const broken = Buffer.from(tar);
      broken[148] = 0x37; // In the checksum of the first header.
      await expectRefused(folder, gzipSync(broken), /it is damaged/);
      const flipped = Buffer.from(tar);
      flipped[tar.indexOf('gloss_head')] = 0x47;
      await expectRefused(folder, gzipSync(flipped), /its checksum is another/);
    });
  });

  it('is refused where its checkpoint would run something, is none, or does not fit its config', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const best = 'SignTransformer_best.pt';
      const replaced = (inner: string, bytes: Uint8Array, message: RegExp): Promise<void> =>
        expectRefused(folder, gzipSync(tarOf(packOf(new Map([...files, [inner, Buffer.from(bytes)]])))), message);
      const fixture = (name: string): Buffer => readFileSync(path.join(torchFolder, name));
      await replaced(
        best,
        fixture('bad_malicious_os_system.pt'),
        /it is refused, and nothing was written\n.*SignTransformer_best\.pt: .*system/,
      );
      await replaced('releases/v1.0.0/evil.pt', fixture('bad_malicious_os_system.pt'), /releases\/v1\.0\.0\/evil\.pt: .*system/);
      await replaced(best, fixture('bad_wrong_shape.pt'), /SignTransformer_best\.pt: .*do not fit/);
      await replaced(best, fixture('bad_truncated.pt'), /it is refused/);
      await replaced(best, fixture('iv3_gru_features_only.pt'), /it holds iv3_gru, config\.json says transformer/);
      const config = JSON.parse(files.get('config.json')?.toString() ?? '') as { run: { model: Record<string, unknown>; name: string } };
      config.run.model['n_layers'] = 3;
      await replaced('config.json', Buffer.from(JSON.stringify(config)), /its n_layers is 2, config\.json says 3/);
      await replaced('config.json', Buffer.from('{}'), /config\.json: model/);
    });
  });

  it('cannot fill the disk: sizes, entries and bytes are bounded while they are read', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await goodFiles(folder);
      const good = packOf(files);
      const [manifest = { path: '' }, ...others] = good;
      const giant = { path: `${NAME}/README.md`, fields: { size: 2 ** 52 } };
      await expectRefused(folder, gzipSync(tarOf([manifest, giant, ...others])), /beyond all bounds/);
      // Sizes that no JavaScript number is: the header's checksum is right.
      for (const first of [0x80, 0xff]) {
        const header = blocks({ path: `${NAME}/README.md` });
        header.fill(0xff, 124, 136);
        header[124] = first;
        const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
        header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
        await expectRefused(folder, gzipSync(tarOf([manifest], [header, ...others.map(blocks)])), /hostile\.tar\.gz: /);
      }
      const large = { path: `${NAME}/${MANIFEST_FILE}`, fields: { size: 2 ** 33 } };
      await expectRefused(folder, gzipSync(tarOf([large])), /bytes are too many/);
      const many = Array.from({ length: USUAL_LIMITS.mostEntries }, (_, index) => ({
        path: `${NAME}/d${index}/`,
        fields: { type: 'Directory' as const },
      }));
      await expectRefused(folder, gzipSync(tarOf([manifest, ...many, ...others])), /more than 10000 files/);
      const metadata = Array.from({ length: 3 }, () =>
        blocks({ path: 'x', content: Buffer.alloc(2e6), fields: { type: 'ExtendedHeader' } }),
      );
      await expectRefused(folder, gzipSync(tarOf([manifest], metadata)), /of a kind that is not taken/);

      // A manifest that is true to its word: 300 MB of zeros, from 300 KB.
      const bytes = 300e6;
      const hash = createHash('sha256');
      for (let at = 0; at < bytes; at += 1e6) hash.update(Buffer.alloc(1e6));
      const sum = hash.digest('hex');
      const honest = packOf(files, (told) => told.files.push({ path: 'zeros.bin', bytes, sha256: sum }));
      const file = path.join(folder, 'bomb.tar.gz');
      function* bomb(): Generator<Buffer> {
        yield Buffer.concat(honest.map(blocks));
        yield blocks({ path: `${NAME}/zeros.bin`, fields: { size: bytes } });
        for (let at = 0; at < bytes; at += 1e6) yield Buffer.alloc(1e6);
        yield Buffer.alloc(512 * 3);
      }
      await pipeline(Readable.from(bomb()), createGzip({ level: 9 }), createWriteStream(file));
      const before = snapshotOf(folder);
      await expect(unpackModel(file, path.join(folder, 'target'), undefined)).rejects.toThrow(
        /it unpacks to more than \d+ bytes from \d+; nothing was written/,
      );
      expect(snapshotOf(folder)).toEqual(before);
    });
  });
});

describe('a pack that was written by others and is well', () => {
  it('is taken with folders in it, and a name of one’s own', async () => {
    await inTemporaryFolder(async (folder) => {
      const good = packOf(await goodFiles(folder));
      const file = path.join(folder, 'theirs.tar.gz');
      const directory = { path: `${NAME}/`, fields: { type: 'Directory' as const } };
      writeFileSync(file, gzipSync(tarOf([directory, ...good])));
      const root = path.join(folder, 'elsewhere');
      await expect(unpackModel(file, root, '../x')).rejects.toThrow(/--name: expected/);
      await expect(unpackModel(file, root, 'iv3_gru_x_11-24')).rejects.toThrow(
        /--name: expected a name like transformer_DESCRIPTION_MM-DD/,
      );
      expect(existsSync(root)).toBe(false);
      const { folder: unpacked } = await unpackModel(file, root, undefined);
      expect(unpacked).toBe(path.join(root, 'transformer', NAME));
      const before = snapshotOf(root);
      await expect(unpackModel(file, root, undefined)).rejects.toThrow(/it is there already, and stays as it is; .*--name/);
      expect(snapshotOf(root)).toEqual(before);
      await unpackModel(file, root, 'transformer_theirs_11-24');
      expect(await findingsOf(root)).toEqual([]);
    });
  });
});

describe('the paths of an archive', () => {
  it('are contained on every system', () => {
    const check = (inner: string): string | undefined => pathProblem(inner, { hidden: false });
    for (const fine of ['README.md', 'releases/v1.1.0/release.json', 'évaluation/matrice de confusion.png'])
      expect(check(fine)).toBeUndefined();
    for (const wrong of [
      '',
      '/',
      '.',
      '..',
      'a/..',
      'a/./b',
      'a/',
      'nul',
      'a/LPT1.txt',
      'a.',
      'a ',
      ' a',
      'a:b',
      'x'.repeat(300),
      'a\u0000b',
      'a\nb',
    ])
      expect([wrong, check(wrong)]).toEqual([wrong, expect.any(String)]);
    expect(pathProblem('.hidden', { hidden: true })).toBeUndefined();
    expect(pathProblem('.git/config', { hidden: true })).toBe('it is part of a git repository');
    const paths = new PathSet();
    expect(['a/b', 'a/c', 'A/B', 'a', 'a/b/c', 'd'].map((inner) => paths.add(inner) === undefined)).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
    ]);
  });
});
