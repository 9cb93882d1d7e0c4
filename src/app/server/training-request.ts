import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from '@hono/zod-openapi';
import { commandLineSource, flagOf } from '../../config/layers';
import { readPreset, resolveSettings, shippedPresets } from '../../config/resolve';
import { factsOf } from '../../config/setting';
import { UserError } from '../../foundation/errors';
import { excerpt, nearestName } from '../../foundation/text';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import type { Field, TrainingChoices } from '../training-answers';
import { RequestProblem } from './problem';
import type { Runs } from './runs';

/** What the data choice of the synthetic demo set is called. */
const DEMO = 'demo';
/** The registry where `--save-dir` need not be given. */
const USUAL_ROOT = 'trained_models';

/** The settings that a request may give: those that name no file. The first are what one mostly changes. */
const COMMON_SETTINGS = ['description', 'epochs', 'batch_size', 'lr', 'seed'] as const;
const FURTHER_SETTINGS = [
  'optimizer',
  'weight_decay',
  'scheduler',
  'warmup_epochs',
  'early_stop',
  'grad_clip',
  'accumulation_steps',
  'label_smoothing',
  'class_weights',
  'dropout',
  'augment',
  'normalize',
  'emb_dim',
  'num_heads',
  'num_layers',
  'max_len',
  'num_buckets',
] as const;

const LONGEST_VALUE = 100;
const word = z.string().min(1).max(200);

/** What a training is started with. */
export const startSchema = z.strictObject({
  model: word.openapi({ description: 'The model to train, as GET /api/training lists it.', example: 'transformer' }),
  preset: word
    .optional()
    .openapi({ description: 'A preset of it; its usual settings where it is left out.', example: 'transformer-strong' }),
  data: word.default(DEMO).openapi({ description: 'A data folder that GET /api/training lists; "demo" for the demo set.', example: DEMO }),
  settings: z
    .record(z.string().max(60), z.string().max(LONGEST_VALUE))
    .default({})
    .openapi({ description: 'Settings by their keys, as one would type them.', example: { epochs: '20', lr: '3e-4' } }),
});

/** What a run is gone on with. */
export const resumeSchema = z.strictObject({
  epochs: z
    .string()
    .max(LONGEST_VALUE)
    .optional()
    .openapi({ description: 'Epochs in all; as many as it was to have where it is left out.', example: '60' }),
});

/** A request that is refused for some of its fields: each with what is wrong with it. */
function fieldProblem(fields: Readonly<Record<string, string>>): RequestProblem {
  const lines = Object.entries(fields).map(([field, said]) => `${field}: ${said}`);
  return new RequestProblem(422, lines.join('; '), fields);
}

/** What trainings the app may be asked for: models, presets, settings, and the data folders that it was told of. */
export class TrainingRequests {
  private readonly trainable: readonly string[];

  /** @param folders data folders that were named when the app was started. */
  constructor(
    private readonly runs: Runs,
    private readonly folders: readonly string[],
    private readonly models: ModelDefinitions = ownModels,
  ) {
    // One that is defined in no file could not be loaded by another process.
    this.trainable = models.names.filter((name) => ownModels.find(name) !== undefined || models.get(name).file !== undefined);
  }

  /** What may be chosen now: data folders that trainings of the registry used are among it. */
  choices(): TrainingChoices {
    return {
      models: this.trainable.map((name) => ({
        name,
        fields: this.fieldsOf(name),
        presets: this.presetsOf(name).map((preset) => ({ name: preset, defaults: this.defaultsOf(name, preset) })),
      })),
      data: [
        { value: DEMO, title: 'the demo set (made up, nothing to download)' },
        ...this.dataFolders().map((value) => ({ value, title: value })),
      ],
    };
  }

  /**
   * What `train` is to be given.
   * @throws RequestProblem with what the command would say of each field.
   */
  argumentsFor({ model, preset, data, settings }: z.output<typeof startSchema>): {
    readonly model: string;
    readonly argv: readonly string[];
  } {
    if (!this.trainable.includes(model)) throw fieldProblem({ model: unknownWord(model, this.trainable) });
    const presets = this.presetsOf(model);
    if (preset !== undefined && !presets.includes(preset)) throw fieldProblem({ preset: unknownWord(preset, presets.filter(Boolean)) });
    const folders = this.dataFolders();
    if (data !== DEMO && !folders.includes(data)) throw fieldProblem({ data: unknownWord(data, [DEMO, ...folders]) });
    const known = this.fieldsOf(model).map(({ key }) => key);
    const typed = Object.entries(settings).filter(([, text]) => text.trim() !== '');
    const unknown = typed.find(([key]) => !known.includes(key));
    if (unknown !== undefined) throw fieldProblem({ [excerpt(unknown[0], 60)]: unknownWord(unknown[0], known) });
    const values = Object.fromEntries(typed.map(([key, text]) => [key, text.trim()]));
    const commandLine = { model, ...values, ...(data === DEMO ? {} : { data }) };
    asFieldProblem(Object.keys(values), () => resolveSettings({ file: preset, commandLine }, this.models));
    const saved = path.join(this.runs.root, model);
    return {
      model,
      argv: [
        ...flag('model', this.models.get(model).file ?? model),
        ...(preset === undefined ? [] : flag('config', preset)),
        ...(data === DEMO ? [] : flag('data', data)),
        ...(path.normalize(this.runs.root) === USUAL_ROOT ? [] : flag('save_dir', saved)),
        ...Object.entries(values).flatMap(([key, value]) => flag(key, value)),
      ],
    };
  }

  /**
   * What `train` is to be given so that a run goes on.
   * @throws RequestProblem where it runs already, or the number of epochs is none.
   */
  argumentsToResume(
    name: string,
    { epochs = '' }: z.output<typeof resumeSchema>,
  ): { readonly model: string; readonly argv: readonly string[]; readonly name: string } {
    const { folder, model, seen } = this.runs.find(name);
    if (seen.end === undefined) throw new RequestProblem(409, `${name}: it runs already`);
    const file = this.models.find(model)?.file;
    if (!this.trainable.includes(model)) throw new RequestProblem(409, `${name}: the app does not know the model ${model}`);
    const more = epochs.trim();
    if (more !== '') {
      asFieldProblem(['epochs'], () => resolveSettings({ commandLine: { model, epochs: more } }, this.models));
      const least = seen.done.at(-1)?.epoch ?? 0;
      if (Number(more) < least) throw fieldProblem({ epochs: `expected at least the ${least} that are done, found ${more}` });
    }
    return {
      name,
      model,
      argv: [...(file === undefined ? [] : flag('model', file)), ...flag('resume', folder), ...(more === '' ? [] : flag('epochs', more))],
    };
  }

  private fieldsOf(model: string): Field[] {
    const { shape } = this.models.get(model).settings.schema;
    return [...COMMON_SETTINGS, ...FURTHER_SETTINGS].flatMap((key): Field[] => {
      const schema = shape[key];
      if (schema === undefined) return [];
      const { description, expected, choices, noneMeans } = factsOf(schema);
      const words = choices === undefined || noneMeans === undefined || choices.includes('none') ? choices : ['none', ...choices];
      const isFurther = !(COMMON_SETTINGS as readonly string[]).includes(key);
      return [{ key, description, expected, choices: words ?? null, is_further: isFurther }];
    });
  }

  /** The first, without a name, stands for the model's own presets: of the demo set, or of other data. */
  private presetsOf(model: string): string[] {
    const own = [model, `${model}-demo`];
    const others = shippedPresets().filter((name) => readPreset(name).values['model'] === model && !own.includes(name));
    return ['', ...others];
  }

  private defaultsOf(model: string, preset: string): TrainingChoices['models'][number]['presets'][number]['defaults'] {
    const keys = this.fieldsOf(model).map(({ key }) => key);
    const texts = (data: object): Record<string, string> => {
      const { settings } = resolveSettings({ file: preset === '' ? undefined : preset, commandLine: { model, ...data } }, this.models);
      const values = settings as unknown as Readonly<Record<string, string | number | boolean | null>>;
      return Object.fromEntries(keys.map((key) => [key, String(values[key] ?? 'none')]));
    };
    return { demo: texts({}), data: texts({ data: '.' }) };
  }

  private dataFolders(): string[] {
    const used = this.runs.list().flatMap(({ dataFolder }) => dataFolder ?? []);
    return [...new Set([...this.folders, ...used])].filter((folder) => existsSync(folder) && statSync(folder).isDirectory());
  }
}

function flag(key: string, value: string): string[] {
  return value.startsWith('-') ? [`${flagOf(key)}=${value}`] : [flagOf(key), value];
}

function unknownWord(given: string, known: readonly string[]): string {
  const nearest = nearestName(given, known);
  return `expected ${known.length <= 6 ? known.join(' or ') : 'one of those that GET /api/training lists'}, found ${JSON.stringify(excerpt(given, 80))}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}

/** Does something that tells of settings as the command line does, and says what is wrong of the fields that they are. */
function asFieldProblem(keys: readonly string[], action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const fields = error.message.split('\n').map((line): [string, string] => {
      const key = keys.find((one) => line.startsWith(`${flagOf(one)}: `));
      return key === undefined ? [commandLineSource, line] : [key, line.slice(line.indexOf(': ') + 2)];
    });
    throw fieldProblem(Object.fromEntries(fields));
  }
}
