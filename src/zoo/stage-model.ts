import { UserError } from '../foundation/errors';
import { withFolderLock } from '../foundation/folder-lock';
import { nearestName } from '../foundation/text';
import { STAGES, type Stage, readRecord, updateRecord } from '../folder/config-file';
import type { RegisteredModel } from './registry';
import { productionCheckpointIn } from './release/production-record';
import { releasedVersions } from './release/release-record';

/** @throws UserError where there is no such stage. */
export function stageNamed(text: string | undefined): Stage {
  const stage = STAGES.find((candidate) => candidate === text);
  if (stage !== undefined) return stage;
  const nearest = text === undefined ? undefined : nearestName(text, STAGES);
  throw new UserError(
    `expected a stage, ${STAGES.join(', ')}, found ${text === undefined ? 'nothing' : `"${text}"`}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
  );
}

/**
 * Says where a model is in its life: in its `config.json`, under `run.stage`.
 * @returns the stage that it was in.
 * @throws UserError where there is nothing of it that could be in production.
 */
export async function stageModel({ name, folder }: RegisteredModel, stage: Stage): Promise<Stage> {
  return withFolderLock(folder, 'stage', () => {
    const before = readRecord(folder).run.stage ?? 'development';
    if (stage === 'production' && productionCheckpointIn(folder) === undefined && releasedVersions(folder).length === 0) {
      throw new UserError(
        `${name}: it has neither a production checkpoint nor a release; make one first: npm run models -- promote ${name}`,
      );
    }
    if (before !== stage) updateRecord(folder, { stage });
    return before;
  });
}
