import { modelNames, type ModelName, type Settings } from '../config/settings';
import { inceptionEntry } from './inception/entry';
import type { ModelEntry, RecognisedModel, SavedModel } from './model-entry';
import { transformerEntry } from './transformer/entry';

type SettingsOf<Name extends ModelName> = Extract<Settings, { model: Name }>;

/** The table of models: a further model is a further entry here and in the table of settings. */
const modelEntries: { readonly [Name in ModelName]: ModelEntry<SettingsOf<Name>> } = {
  transformer: transformerEntry,
  iv3_gru: inceptionEntry,
};

/** The entry of a model; it takes that model's settings. */
export function modelEntry(name: ModelName): ModelEntry<Settings> {
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
