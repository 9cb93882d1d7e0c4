import type { z } from '@hono/zod-openapi';
import { compare } from '../../evaluation/compare/compare';
import { judge, type ComparedModel, type GlossChange } from '../../evaluation/compare/comparison';
import type { StoredPrediction } from '../../evaluation/results/stored-predictions';
import { elementAt, required } from '../../foundation/required';
import type { RegisteredModel } from '../../zoo/registered-models';
import { storedPredictions } from './evaluated-clips';
import type { modelAnswers } from './models-routes';

type ComparisonView = z.infer<typeof modelAnswers.comparison>;

/** Clips that are listed: a page of more cannot be looked through. */
const MOST_CLIPS = 2000;

/** A model, or a release of one, that is compared by its evaluation. */
export interface ComparedPlace {
  /** As it was named. */
  readonly title: string;
  readonly model: RegisteredModel;
  /** Whether its clips can be asked for by its title. */
  readonly isModel: boolean;
}

/**
 * Sets models against the first of them, by their evaluations.
 * @throws UserError where one has not been evaluated.
 */
export async function compareStored(places: readonly ComparedPlace[]): Promise<ComparisonView> {
  const models = places.map(({ model }) => model.folder);
  const titles = new Map(places.map(({ model, title }) => [model.folder, title]));
  const { comparison } = await compare({ models, titles, allow_different_data: true });
  const { baseline, contrasts, sameData } = comparison;
  return {
    same_clips: sameData,
    models: [baseline, ...contrasts.map(({ model }) => model)].map(modelOf),
    contrasts: contrasts.map((contrast) => {
      const { verdict, figures, improved, regressed } = judge(comparison, contrast);
      return {
        title: contrast.model.title,
        verdict,
        figures: figures.map(({ figure, before, now, largerIsBetter }) => ({ figure, before, now, larger_is_better: largerIsBetter })),
        improved: improved.map(changeOf),
        regressed: regressed.map(changeOf),
      };
    }),
    ...clipsOf(places),
    warnings: [baseline, ...contrasts.map(({ model }) => model)].flatMap(({ warnings }) => warnings),
  };
}

function modelOf({ title, data, figures, oneCategory }: ComparedModel): ComparisonView['models'][number] {
  const { title: clips, synthetic } = data;
  return { title, data: { title: clips, synthetic }, gloss: figures.gloss, category: oneCategory === true ? null : figures.category };
}

function changeOf({
  label,
  clips,
  rightBefore,
  rightNow,
  f1Before,
  f1Now,
}: GlossChange): ComparisonView['contrasts'][number]['improved'][number] {
  return { label, clips, right_before: rightBefore, right_now: rightNow, f1_before: f1Before, f1_now: f1Now };
}

/** The clips that all were evaluated on with the same truth, those first of which they say different things. */
function clipsOf(places: readonly ComparedPlace[]): Pick<ComparisonView, 'shared_clips' | 'clips' | 'clips_of'> {
  const evaluated = places.map(({ model }) => new Map(storedPredictions(model).map((clip, place) => [clip.file, { clip, place }])));
  const shown = places.findIndex(({ isModel }) => isModel);
  const shared = [...elementAt(evaluated, 0).keys()].flatMap((file) => {
    const found = evaluated.flatMap((clips) => clips.get(file) ?? []);
    const [first] = found;
    const isShared = found.length === places.length && found.every(({ clip }) => clip.gloss.truth.label === first?.clip.gloss.truth.label);
    if (!isShared || first === undefined) return [];
    return [
      {
        file,
        truth: first.clip.gloss.truth.label,
        place: shown === -1 ? null : required(found[shown], `the clip ${file}`).place,
        said: found.map(({ clip }) => saidOf(clip)),
      },
    ];
  });
  const differs = ({ said }: (typeof shared)[number]): boolean => said.some(({ label }) => label !== said[0]?.label);
  const clips = [...shared.filter(differs), ...shared.filter((clip) => !differs(clip))].slice(0, MOST_CLIPS);
  return { shared_clips: shared.length, clips, clips_of: places[shown]?.title ?? null };
}

function saidOf({ gloss: { predicted, confidence, correct } }: StoredPrediction): ComparisonView['clips'][number]['said'][number] {
  return { label: predicted?.label ?? null, confidence: confidence ?? null, correct };
}
