import { HEADS, occlusionGroups, type EvaluationResult } from '../result';

/** An evaluation as `evaluation.json` and `--json` have it. */
export function evaluationDocument(result: EvaluationResult): Record<string, unknown> {
  const { model, data, clips, cutClips, leftOut, clipsPerSecond } = result;
  return {
    model: model.file,
    architecture: model.architecture,
    epoch: model.epoch ?? null,
    assumptions: model.assumptions,
    data: {
      title: data.title,
      synthetic: data.synthetic,
      clips: clips.length,
      cut_clips: cutClips,
      left_out: leftOut,
      fingerprint: data.fingerprint,
    },
    clips_per_second: clipsPerSecond,
    ...Object.fromEntries(HEADS.map((head) => [head, result[head].metrics])),
    occlusion: occlusionGroups(result).map(({ occluded, clips: count, accuracy }) => ({
      occluded,
      clips: count,
      accuracy: accuracy ?? null,
    })),
  };
}
