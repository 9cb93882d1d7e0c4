import { modelNames, type ModelName, type Settings } from '../config/settings';
import type { ModelEntry, RecognisedModel, SavedModel } from './model-entry';
import { transformerEntry } from './transformer/entry';

type SettingsOf<Name extends ModelName> = Extract<Settings, { model: Name }>;

/** The table of models: a further model is a further entry here and in the table of settings. */
const modelEntries: { readonly [Name in ModelName]: ModelEntry<SettingsOf<Name>> } = {
  transformer: transformerEntry,
};

/** The entry of a model. */
export function modelEntry<Name extends ModelName>(name: Name): ModelEntry<SettingsOf<Name>> {
  return modelEntries[name];
}

/** Finds the model that a checkpoint holds, whichever it is; undefined where it is none of these. */
export function recogniseModel(saved: SavedModel): (RecognisedModel & { readonly name: ModelName }) | undefined {
  for (const name of modelNames()) {
    const recognised = modelEntries[name].fromCheckpoint(saved);
    if (recognised !== undefined) return { ...recognised, name };
  }
  return undefined;
}
