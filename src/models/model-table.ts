import type { KnownModels } from '../config/model-settings';
import { UserError } from '../foundation/errors';
import { inceptionGruModel } from './inception/inception-gru';
import type { ModelDefinition, RecognisedModel, SavedModel } from './model';
import { signTransformerModel } from './transformer/sign-transformer';

/** Models by name: those of Kumpas, with those of one's own that a command or a program was given. */
export class ModelDefinitions implements KnownModels {
  readonly names: readonly string[];
  readonly defaultName: string;
  private readonly byName: ReadonlyMap<string, ModelDefinition>;

  /** @param definitions the first is the model that is trained where none is named. */
  constructor(definitions: readonly [ModelDefinition, ...ModelDefinition[]]) {
    this.byName = new Map(definitions.map((definition) => [definition.name, definition]));
    this.names = [...this.byName.keys()];
    this.defaultName = definitions[0].name;
  }

  /** The model of that name; undefined where there is none. */
  find(name: string): ModelDefinition | undefined {
    return this.byName.get(name);
  }

  /** The model of that name. @throws Error (a bug, not a user's mistake) where there is none. */
  get(name: string): ModelDefinition {
    const found = this.find(name);
    if (found === undefined) throw new Error(`no model ${name} in the table of ${this.names.join(', ')}`);
    return found;
  }

  /**
   * Finds the model that a checkpoint holds, whichever it is; undefined where it is none of these. What its config calls it is tried first.
   * @throws UserError where it is one of somebody's own that is not here.
   */
  recognise(saved: SavedModel): RecognisedModel | undefined {
    const { model: name, model_file: file, checkpoint_name: checkpointName } = saved.config;
    const named = typeof name === 'string' ? this.find(name) : undefined;
    if (named === undefined && typeof name === 'string' && typeof checkpointName === 'string')
      throw new UserError(unknownModel(name, file));
    for (const definition of new Set([...(named === undefined ? [] : [named]), ...this.byName.values()])) {
      const recognised = definition.recognise(saved);
      if (recognised !== undefined) return recognised;
    }
    return undefined;
  }

  /** These and others. @throws UserError where one is called as one of these, or its checkpoints are. */
  with(definitions: readonly ModelDefinition[]): ModelDefinitions {
    if (definitions.length === 0) return this;
    const all: [ModelDefinition, ...ModelDefinition[]] = [this.get(this.defaultName), ...this.names.slice(1).map((name) => this.get(name))];
    for (const definition of definitions) {
      const other = all.find(({ name, checkpointName }) => name === definition.name || checkpointName === definition.checkpointName);
      if (other === definition) continue;
      if (other !== undefined) throw new UserError(collision(definition, other));
      all.push(definition);
    }
    return new ModelDefinitions(all);
  }
}

/** The models of Kumpas: a further one is a folder beside these and a row here. */
export const ownModels = new ModelDefinitions([signTransformerModel, inceptionGruModel]);

/** What files say of a model that is none of Kumpas's, beside its name: the start of its checkpoints' names, and the file that defined it. */
export function factsOfOwnModel(definition: ModelDefinition): { readonly checkpoint_name?: string; readonly model_file?: string } {
  const { name, checkpointName, file } = definition;
  if (ownModels.find(name) !== undefined) return {};
  return { checkpoint_name: checkpointName, ...(file === undefined ? {} : { model_file: file }) };
}

/**
 * How the names of a model folder's checkpoints begin, from what its config.json says: the model's code is not needed for that.
 * @throws UserError for a model that is none of Kumpas's, where it does not say.
 */
export function checkpointNameOf(record: {
  readonly model: string;
  readonly run: { readonly checkpoint_name?: string | undefined; readonly model_file?: string | undefined };
}): string {
  const known = ownModels.find(record.model)?.checkpointName ?? record.run.checkpoint_name;
  if (known === undefined) throw new UserError(unknownModel(record.model, record.run.model_file));
  return known;
}

/** What is said where a model of one's own is met, whose code nobody named: it is never loaded because a file says so. */
export function unknownModel(name: string, file: unknown): string {
  const shown = JSON.stringify(name.slice(0, 80));
  return typeof file === 'string'
    ? `it is ${shown}, a model of one's own that ${JSON.stringify(file.slice(0, 200))} defined; give that file with --model`
    : `it is ${shown}, a model of one's own; give the file that defines it with --model`;
}

function collision(definition: ModelDefinition, other: ModelDefinition): string {
  const where = definition.file === undefined ? '' : `${definition.file}: `;
  return definition.name === other.name
    ? `${where}there is a model ${other.name} already${other.file === undefined ? '' : `, of ${other.file}`}; give yours another name`
    : `${where}the checkpoints of ${other.name} are called ${other.checkpointName} already; give yours another checkpointName`;
}
