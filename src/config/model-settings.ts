import { z } from 'zod';
import { dataSettings } from './data-settings';
import { choice, fileNamePart, setting, text, type SettingProblem, type SettingShape } from './setting';
import { checkTrainingSettings, trainingSettings } from './training-settings';

/** Stands for the model's name in save_dir. */
export const modelPlaceholder = '<model>';

/** Where runs are kept unless told otherwise. */
export const defaultSaveDir = `trained_models/${modelPlaceholder}`;

/** Where a training leaves its model folder. */
const outputSettings = {
  save_dir: setting(text('the path of a folder'), defaultSaveDir, {
    group: 'Output',
    description: `Folder in which each training makes a folder of its own. ${modelPlaceholder} stands for the model's name.`,
    aliases: ['output_dir'],
  }),
  description: setting(fileNamePart(), 'baseline', {
    group: 'Output',
    description: "A word for this training: part of its folder's name.",
  }),
} as const;

/** The settings that every model has, beside `model` itself. */
export const sharedSettings = { ...dataSettings, ...trainingSettings, ...outputSettings } as const;

/** The types of settings' values. */
export type ValuesOf<Shape extends SettingShape> = z.output<z.ZodObject<Shape>>;

/** The values of the settings that every model has. */
export type SharedSettings = ValuesOf<typeof sharedSettings>;

/** A training's resolved settings. Those that every model has are typed; what a model has of its own, its definition alone reads. */
export type Settings = SharedSettings & { readonly model: string };

/** The settings of one model. */
export interface ModelSettings {
  readonly model: string;
  /** Accepts the model's settings and nothing else. */
  readonly schema: z.ZodObject<SettingShape, z.core.$strict>;
  /** Settings any one of which says that there is data; without all of them, the demo set is used. */
  readonly dataSources: readonly string[];
  /** Settings that weights have in their shapes, or make no sense without: a training that begins with weights takes theirs. */
  readonly fixedByWeights: readonly string[];
  /** Fills in defaults for the keys that `values`, each valid by itself, lack, and checks what must hold between them. */
  settle(values: Readonly<Record<string, unknown>>): { readonly settings: Settings; readonly problems: readonly SettingProblem[] };
}

/** The models whose settings can be resolved. */
export interface KnownModels {
  readonly names: readonly string[];
  /** The model that is trained where none is named. */
  readonly defaultName: string;
  find(name: string): { readonly settings: ModelSettings } | undefined;
}

/** A model's settings in the table. @throws Error (a bug, not a user's mistake) where it is not in it. */
export function settingsOf(models: KnownModels, name: string): ModelSettings {
  const found = models.find(name);
  if (found === undefined) throw new Error(`no model ${name} in the table of ${models.names.join(', ')}`);
  return found.settings;
}

/** What a model has of its own beside the settings that every model has. */
export interface OwnSettings<Architecture extends SettingShape, Data extends SettingShape> {
  /** What the model is made of: these, with the class counts, rebuild it. */
  readonly architecture: Architecture;
  /** Data settings that only this model has. */
  readonly data: Data;
  readonly dataSources: readonly string[];
  readonly fixedByWeights: readonly string[];
  /** What is wrong between values that are valid by themselves. */
  check(settings: Settings & ValuesOf<Architecture> & ValuesOf<Data>): SettingProblem[];
}

/** A model's settings, and how its definition reads them. */
export interface TypedModelSettings<Values> extends ModelSettings {
  /** Settings that were resolved for this model, with the types of its own. @throws Error where they are another model's. */
  typed(settings: Settings): Values;
}

/** Joins a model's own settings and those that every model has into one strict schema. */
export function modelSettings<const Architecture extends SettingShape, const Data extends SettingShape>(
  name: string,
  own: OwnSettings<Architecture, Data>,
): TypedModelSettings<Settings & ValuesOf<Architecture> & ValuesOf<Data>> {
  type Values = Settings & ValuesOf<Architecture> & ValuesOf<Data>;
  const model = setting(choice([name]), name, { group: 'Model', description: 'The model to train.' });
  const schema = z.strictObject({ model, ...own.architecture, ...dataSettings, ...own.data, ...trainingSettings, ...outputSettings });
  // A schema of these very shapes gives these values; the compiler cannot follow it through shapes that it does not know yet.
  const parse = (values: unknown): Values => schema.parse(values) as Values;
  return {
    model: name,
    schema,
    dataSources: own.dataSources,
    fixedByWeights: own.fixedByWeights,
    settle: (values) => {
      const settings = parse(values);
      return { settings, problems: [...checkTrainingSettings(settings), ...own.check(settings)] };
    },
    typed: parse,
  };
}

/** The folders in which runs are kept unless told otherwise, one a model. */
export function defaultSaveFolders(models: KnownModels): string[] {
  return models.names.map((name) => defaultSaveDir.replaceAll(modelPlaceholder, name));
}
