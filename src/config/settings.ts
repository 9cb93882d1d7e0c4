import type { z } from 'zod';
import { checkKeypointSources, keypointDataSettings, keypointSources } from './data-settings';
import {
  checkInceptionSettings,
  fixedByInceptionWeights,
  inceptionArchitecture,
  inceptionDataSettings,
  inceptionSources,
} from './inception-settings';
import { modelSettings } from './model-settings';
import { checkTrainingSettings } from './training-settings';
import { defaultSaveDir, modelPlaceholder } from './output-settings';
import { checkTransformerArchitecture, fixedByTransformerWeights, transformerArchitecture } from './transformer-settings';

/** Every model's settings. A further model is a further entry. */
export const modelTable = {
  transformer: modelSettings(
    'transformer',
    {
      architecture: transformerArchitecture,
      data: keypointDataSettings,
      dataSources: keypointSources,
      fixedByWeights: fixedByTransformerWeights,
    },
    (settings) => [...checkTrainingSettings(settings), ...checkTransformerArchitecture(settings), ...checkKeypointSources(settings)],
  ),
  iv3_gru: modelSettings(
    'iv3_gru',
    {
      architecture: inceptionArchitecture,
      data: inceptionDataSettings,
      dataSources: inceptionSources,
      fixedByWeights: fixedByInceptionWeights,
    },
    (settings) => [...checkTrainingSettings(settings), ...checkInceptionSettings(settings)],
  ),
} as const;

/** The models by name. */
export type ModelName = keyof typeof modelTable;

/** The model that is trained where none is named. */
export const defaultModel: ModelName = 'transformer';

/** A training's resolved settings, discriminated by `model`. */
export type Settings = { [Name in ModelName]: z.output<(typeof modelTable)[Name]['schema']> }[ModelName];

/** The names of all models. */
export function modelNames(): ModelName[] {
  return Object.keys(modelTable).filter(isModelName);
}

/** Whether there is a model of that name. */
export function isModelName(name: unknown): name is ModelName {
  return typeof name === 'string' && Object.hasOwn(modelTable, name);
}

/** The folders in which runs are kept unless told otherwise, one a model. */
export function defaultSaveFolders(): string[] {
  return modelNames().map((name) => defaultSaveDir.replaceAll(modelPlaceholder, name));
}
