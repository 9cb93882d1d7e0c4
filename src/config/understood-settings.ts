import { UserError } from '../foundation/errors';
import { excerpt } from '../foundation/text';
import { checkLayer, settingNames, shown } from './layers';
import { resolveLayers } from './resolve';
import type { KnownModels, ModelSettings } from './model-settings';
import { withoutUnusedSettings } from './optimizer-settings';
import { withoutUnusedWeighting } from './weighting-settings';

/** Settings of another program, as far as they are settings of Kumpas. */
export interface UnderstoodSettings {
  /** Valid ones by Kumpas's keys. */
  readonly values: Readonly<Record<string, unknown>>;
  /** What was passed over, a line each. */
  readonly notes: readonly string[];
}

/**
 * Takes from what a training of any program recorded those values that are valid settings of a model. None of the others is a mistake of anybody's: they are
 * told.
 * @param place how notes name where the values stand, as `args`.
 */
export function understoodSettings(
  { schema: { shape } }: ModelSettings,
  recorded: Readonly<Record<string, unknown>>,
  place: string,
): UnderstoodSettings {
  const names = settingNames(shape);
  const values = new Map<string, unknown>();
  const unknown: string[] = [];
  const wrong: string[] = [];
  for (const [key, value] of Object.entries(recorded)) {
    if (!names.has(key)) {
      unknown.push(key);
      continue;
    }
    const checked = checkLayer({ source: place, values: { [key]: value } }, shape, () => undefined);
    for (const [known, valid] of checked.values) values.set(known, valid);
    const [problem] = checked.problems;
    if (problem !== undefined && key !== 'model') wrong.push(`${problem}; it was passed over`);
  }
  return {
    values: withoutUnusedWeighting(withoutUnusedSettings(Object.fromEntries(values))),
    notes: [...bounded(wrong), ...unknownNote(unknown, recorded, place)],
  };
}

/**
 * The settings that a checkpoint's model was trained with, as far as they can be told; empty where they do not go together.
 * @param file how notes name the checkpoint.
 */
export function trainedSettings(
  file: string,
  model: ModelSettings,
  recorded: Readonly<Record<string, unknown>> | undefined,
): UnderstoodSettings {
  if (recorded === undefined || Object.keys(recorded).length === 0) return { values: {}, notes: [] };
  const { values, notes } = understoodSettings(model, recorded, 'args');
  try {
    const settings = { ...values, model: model.model };
    resolveLayers([{ source: file, values: settings }], onlyModel(model));
    return { values: settings, notes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      values: {},
      notes: [...notes, `its settings do not go together and were passed over: ${error.message.replaceAll('\n', '; ')}`],
    };
  }
}

/** A table of one model. */
export function onlyModel(settings: ModelSettings): KnownModels {
  return { names: [settings.model], defaultName: settings.model, find: (name) => (name === settings.model ? { settings } : undefined) };
}

const MOST_NOTED = 8;

function unknownNote(unknown: readonly string[], recorded: Readonly<Record<string, unknown>>, place: string): string[] {
  if (unknown.length === 0) return [];
  const some = unknown.slice(0, MOST_NOTED).map((key) => `${excerpt(key)} ${shown(recorded[key])}`);
  const more = unknown.length > MOST_NOTED ? ` and ${unknown.length - MOST_NOTED} more` : '';
  return [`passed over in its ${place}, for they are no settings of Kumpas: ${some.join(', ')}${more}`];
}

function bounded(lines: readonly string[]): string[] {
  return lines.length <= MOST_NOTED
    ? [...lines]
    : [...lines.slice(0, MOST_NOTED), `and ${lines.length - MOST_NOTED} more values like these`];
}
