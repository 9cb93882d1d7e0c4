import path from 'node:path';
import { printableLine } from '../../foundation/text';
import { releaseModel, type ReleaseOutcome } from '../../zoo/release/release';
import type { ReleaseRequest } from '../../zoo/release/release-plan';
import { findModel } from '../../zoo/find-model';
import { columns, bytesText } from '../quantities';
import type { Terminal } from '../terminal';
import { releaseContext } from './release-surroundings';

export interface ReleaseCommandRequest extends ReleaseRequest {
  readonly root: string;
  readonly name: string;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Releases a model and prints what it is now. @returns the process's exit code. */
export async function runRelease(request: ReleaseCommandRequest, terminal: Terminal): Promise<number> {
  const { root, name, json, verbose } = request;
  const model = findModel(root, name);
  const outcome = await releaseModel(root, model, request, await releaseContext(terminal, verbose));
  const { folder, record } = outcome.release;
  terminal.output.write(
    json
      ? `${JSON.stringify({ ...record, folder, completed_only: outcome.completedOnly }, null, 2)}\n`
      : releaseText(model.folder, outcome),
  );
  return 0;
}

function releaseText(modelFolder: string, { release: { folder, record }, completedOnly }: ReleaseOutcome): string {
  const { model, version, checkpoint, changelog, tag, previous } = record;
  const lines = [
    `${model} v${version} is ${completedOnly ? 'released: the command that was stopped had made it, what was missing has been completed' : 'released'}`,
    '',
    ...changelog.map((line) => `  - ${printableLine(line)}`),
    '',
    ...columns([
      ['release', folder],
      ['checkpoint', `${checkpoint.file}, ${bytesText(checkpoint.bytes)}, weights in ${checkpoint.dtype}`],
      ['sha256', checkpoint.sha256],
      ['changelog', path.join(modelFolder, 'CHANGELOG.md')],
      ...(tag === null ? [] : [['tag', `${tag.name}; git push origin ${tag.name} shares it`]]),
      ['use it', `npm run predict -- --model-path ${folder} --input CLIP.npz`],
      ...(previous?.model === model ? [['compare', `npm run models -- diff ${model} v${previous.version} v${version}`]] : []),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}
