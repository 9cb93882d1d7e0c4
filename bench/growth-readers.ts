import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { plainFromPython } from '../src/checkpoint/python-values';
import { readTorchFile } from '../src/checkpoint/torch-file';
import { readWeights } from '../src/checkpoint/training-checkpoint';
import { inspectionText } from '../src/cli/convert-inspect';
import { HOLISTIC_78 } from '../src/config/known-layouts';
import { resolveSettings } from '../src/config/resolve';
import { inspectCheckpoint } from '../src/conversion/inspect';
import { readLegacyLog } from '../src/conversion/legacy-log';
import { classColumns } from '../src/data/class-ids';
import { inspectClip } from '../src/data/clip';
import { labelsOfTable, readLabelReference, readLabelsTable } from '../src/data/labels';
import { readPictures } from '../src/data/pictures';
import { recogniseWeights, saidOfModel } from '../src/evaluation/recognise';
import { foreignPart } from '../src/evaluation/report/markup';
import { readEvaluation } from '../src/evaluation/results/contents';
import { readCurves } from '../src/evaluation/training-curves';
import { keepHandWritten, LARGEST_PAGE, notesLines } from '../src/folder/readme';
import { MetricsLog, readTrainingLog } from '../src/folder/training-log';
import { UserError } from '../src/foundation/errors';
import { readRegularText } from '../src/foundation/regular-file';
import { ownModels } from '../src/models/model-table';
import { readHistory } from '../src/zoo/monitor/history';
import { readTar, USUAL_LIMITS } from '../src/zoo/tar/read-tar';
import { readWhole } from './damaged-checkpoints';

/** What reads the files of users, by what they are, each as far as Kumpas itself goes. */
const readers = {
  checkpoint: (file: string) => {
    attempt(() => readTorchFile(file, plainFromPython));
    readTorchFile(file, readWhole);
  },
  inspect: (file: string) => inspectionText(inspectCheckpoint(file)),
  model: (file: string) => {
    const { model, config = {}, args } = readWeights(file);
    return recogniseWeights(model, saidOfModel({ config, args }), file);
  },
  settings: (file: string) => resolveSettings({ file, commandLine: {} }, ownModels),
  evaluation: readEvaluation,
  log: (file: string) => {
    attempt(() => readTrainingLog(file));
    readCurves(readRegularText(file, LARGEST_PAGE), file);
    readLegacyLog(file);
  },
  metrics: (file: string) => new MetricsLog(file, Infinity),
  history: readHistory,
  page: (file: string) => keepHandWritten(['# model', '', ...notesLines()].join('\n'), readRegularText(file, LARGEST_PAGE)),
  pack: (file: string) => readTar(file, { hidden: false, links: false, ...USUAL_LIMITS }, () => undefined),
  labels: async (file: string) => {
    const table = await readLabelsTable(file);
    return labelsOfTable(table, file, classColumns([{ file, table }], { reference: undefined, ofModel: undefined, mayNumber: true }));
  },
  reference: readLabelReference,
  report: (file: string) => foreignPart(readRegularText(file, LARGEST_PAGE)),
  picture: async (file: string) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-picture-'));
    try {
      copyFileSync(file, path.join(folder, '1.png'));
      return await readPictures(folder, { key: 'frames', side: 299 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  pictures: (file: string) => readPictures(file, { key: 'frames', side: 299 }),
  clip: (file: string) => inspectClip(file, { key: 'X', width: 156, keypoints: HOLISTIC_78 }),
} as const;

/** The names of the readers. */
export type ReaderName = keyof typeof readers;

/** Whether there is a reader of that name. */
export function isReaderName(name: string): name is ReaderName {
  return Object.hasOwn(readers, name);
}

/**
 * Reads a file, and holds what comes of it until then.
 * @returns whether it was refused.
 * @throws Error for anything but a result or a clear error.
 */
export async function readGrown(reader: ReaderName, file: string): Promise<'read' | 'refused'> {
  try {
    await readers[reader](file);
    return 'read';
  } catch (error) {
    if (error instanceof UserError) return 'refused';
    throw error;
  }
}

/** Where several readings are made, the others are too when one refuses the file. */
function attempt(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}
