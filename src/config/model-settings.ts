import { z } from 'zod';
import { dataSettings } from './data-settings';
import { outputSettings } from './output-settings';
import { choice, setting, type SettingProblem, type SettingShape } from './setting';
import { trainingSettings } from './training-settings';

/** The settings that every model has, beside `model` itself. */
export const sharedSettings = { ...dataSettings, ...trainingSettings, ...outputSettings } as const;

/** What differs between models, as the table of models names it. */
interface ModelParts<Architecture extends SettingShape, Data extends SettingShape> {
  /** What the model is made of: these, with the class counts, rebuild it. */
  readonly architecture: Architecture;
  /** Data settings that only this model has. */
  readonly data: Data;
  /** Settings any one of which says that there is data; without all of them, the demo set is used. */
  readonly dataSources: readonly string[];
  /** Settings of the architecture that weights have in their shapes, or make no sense without: a training that begins with weights takes theirs. */
  readonly fixedByWeights: readonly string[];
}

type ModelShape<Name extends string, Architecture extends SettingShape, Data extends SettingShape> = {
  readonly model: z.ZodDefault<z.ZodEnum<{ [Key in Name]: Key }>>;
} & Architecture &
  Data &
  typeof sharedSettings;

type ModelValues<Name extends string, Architecture extends SettingShape, Data extends SettingShape> = z.output<
  z.ZodObject<ModelShape<Name, Architecture, Data>, z.core.$strict>
>;

/** Settings, and what is wrong between them. */
export interface Settled<Values> {
  readonly settings: Values;
  readonly problems: readonly SettingProblem[];
}

/** A model's entry in the table of settings. */
export interface ModelSettings<Name extends string, Architecture extends SettingShape, Data extends SettingShape> extends ModelParts<
  Architecture,
  Data
> {
  /** Accepts the model's settings and nothing else. */
  readonly schema: z.ZodObject<ModelShape<Name, Architecture, Data>, z.core.$strict>;
  /** Fills in defaults for the keys that `values`, each valid by itself, lack, and checks what must hold between them. */
  readonly settle: (values: Readonly<Record<string, unknown>>) => Settled<ModelValues<Name, Architecture, Data>>;
}

/**
 * Makes a model's entry: a strict schema of all its keys.
 * @param check says what is wrong between values that are valid by themselves.
 */
export function modelSettings<const Name extends string, const Architecture extends SettingShape, const Data extends SettingShape>(
  name: Name,
  parts: ModelParts<Architecture, Data>,
  check: (settings: ModelValues<Name, Architecture, Data>) => SettingProblem[],
): ModelSettings<Name, Architecture, Data> {
  const model = setting(choice([name]), name, { group: 'Model', description: 'The model to train.' });
  const schema = z.strictObject({ model, ...parts.architecture, ...dataSettings, ...parts.data, ...trainingSettings, ...outputSettings });
  const settle = (values: Readonly<Record<string, unknown>>): Settled<ModelValues<Name, Architecture, Data>> => {
    const settings = schema.parse(values);
    return { settings, problems: check(settings) };
  };
  return { ...parts, schema, settle };
}
