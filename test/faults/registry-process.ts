import { existsSync } from 'node:fs';
import path from 'node:path';
import { removeFolder } from '../../src/foundation/folders';
import { archiveModel, restoreModel, planPruning, pruneModel } from '../../src/zoo/archive/archive-model';
import { archivedNames } from '../../src/zoo/archive/archived-models';
import { unpackModel } from '../../src/zoo/pack/unpack-model';
import { modelsIn } from '../../src/zoo/registered-models';

const facts = { now: new Date('2026-11-24T12:00:00Z'), kumpas: '0.0.0' };

/** Each does one of the registry's works over and over, until the process is killed. */
const LOOPS: Readonly<Record<string, (root: string, pack: string) => Promise<void>>> = {
  archive: async (root) => {
    for (const model of modelsIn(root)) await archiveModel(root, model, facts);
    for (const name of archivedNames(root)) await restoreModel(root, name, undefined);
  },
  unpack: async (root, pack) => {
    const folder = path.join(root, 'transformer', 'transformer_sent_11-24');
    if (existsSync(folder)) removeFolder(folder);
    await unpackModel(pack, root, undefined);
  },
  prune: async (root, pack) => {
    for (const { goes, ...model } of planPruning(modelsIn(root), 0)) if (goes) await pruneModel(root, model, { ...facts, remove: true });
    await unpackModel(pack, root, undefined);
  },
};

const [what = '', root = '', pack = ''] = process.argv.slice(2);

void (async () => {
  for (;;) {
    await LOOPS[what]?.(root, pack);
    process.stdout.write('.');
  }
})();
