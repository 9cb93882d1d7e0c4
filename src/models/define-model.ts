import type { TransformDescription } from '../config/data-settings';
import { checkLayer } from '../config/layers';
import { modelSettings, type Settings, type TypedModelSettings, type ValuesOf } from '../config/model-settings';
import { factsOf, type SettingProblem, type SettingShape } from '../config/setting';
import type { NamedTensors, ParameterDeclaration } from '../engine/parameters';
import { UserError } from '../foundation/errors';
import { keypointClips, type ClipLocation, type ModelClips } from './clips';
import {
  refuseDoubledNames,
  refuseOtherShape,
  refuseUnchangedWidth,
  refuseUnknownNames,
  refuseUnsupported,
  refuseWrongDefinition,
} from './definition-checks';
import type {
  ClassCounts,
  ForwardContext,
  FrameAttention,
  Model,
  ModelConfig,
  ModelDefinition,
  ModelInputs,
  ModelOutputs,
  PictureEncoder,
  PretrainedWeights,
  PytorchClass,
  RecognisedModel,
  SavedModel,
} from './model';

/** How many classes a model tells apart, under the names of a checkpoint's config. */
interface Classes {
  readonly num_gloss: number;
  readonly num_cat: number;
}

/** How many numbers a frame its clips have, under the name of a checkpoint's config. */
interface FrameWidth {
  readonly input_dim: number;
}

/** An architecture read from a checkpoint. */
export interface RecognisedArchitecture<Architecture> {
  readonly architecture: Architecture;
  /** What neither shapes nor config could tell and was taken as usual, as `num_heads 8`. */
  readonly assumptions: readonly string[];
}

/**
 * What {@link defineModel} takes. `Architecture` is what fixes a model's shape, as a checkpoint's `config` holds it: the model's own settings and the class
 * counts, unless {@link architecture} makes another of them.
 */
export interface ModelParts<Own extends SettingShape, Data extends SettingShape, Architecture extends Classes> {
  /** What `--model` and its folders call it: small letters, digits and underscores. */
  readonly name: string;
  /** The start of its checkpoints' names, and the class's name in PyTorch; made of the name where it is left out. */
  readonly checkpointName?: string;
  /** The clips that it takes; key points, 156 numbers a frame, where it is left out. `anyKeypointClips` are as wide as the data says. */
  readonly clips?: ModelClips<Data, NoInfer<Own>>;
  /** The settings that it has of its own, each made by `setting` or `settingOrNone`. */
  readonly settings: Own;
  /** What is wrong between its settings, each valid by itself. */
  readonly check?: (settings: Settings & ValuesOf<Own> & ValuesOf<Data>) => SettingProblem[];
  /** Its settings that weights are made for; all of them but `dropout` where it is left out. */
  readonly fixedByWeights?: readonly (keyof (Own & Data) & string)[];
  /** Of those, the ones that weights may not have in their shapes, each with its name in a checkpoint's config. */
  readonly notInShapes?: Readonly<Record<string, string>>;
  /** What fixes its shape, from its settings and the numbers a frame; `input_dim` is these numbers where the clips are as wide as the data says. */
  readonly architecture?: (settings: Settings & ValuesOf<Own> & ValuesOf<Data>, classes: ClassCounts, width: number) => Architecture;
  /** What a checkpoint's `config` holds of it; the architecture as it is where it is left out. */
  readonly config?: (architecture: NoInfer<Architecture>) => ModelConfig;
  /**
   * The architecture of a checkpoint's weights; undefined where they are another model's. Where it is left out, a checkpoint is recognised by the model's name
   * in its config, and its settings are read from there.
   */
  readonly recognise?: (saved: SavedModel) => RecognisedArchitecture<NoInfer<Architecture>> | undefined;
  /** Its weights and buffers, under the names and in the order of PyTorch's state_dict. */
  readonly parameters: (architecture: NoInfer<Architecture>) => readonly ParameterDeclaration[];
  /** What it computes: from `features` `[batch, frames, width]` and `mask` `[batch, frames]` to the logits `[batch, num_gloss]` and `[batch, num_cat]`. */
  readonly forward: (
    architecture: NoInfer<Architecture>,
    parameters: NamedTensors,
    inputs: ModelInputs,
    context: ForwardContext,
  ) => ModelOutputs;
  /** The longest clip that it takes, in frames; where it is left out its `max_len`, or any clip. */
  readonly maxFrames?: (architecture: NoInfer<Architecture>) => number;
  /** The names of the linear layers whose rows are the classes; `gloss_head` and `category_head` where it is left out. */
  readonly outputLayers?: Model['outputLayers'];
  /** Whether its forward makes use of {@link ForwardContext.stochasticDepth}; without it `stochastic_depth` is refused. */
  readonly dropsLayers?: boolean;
  /** How far a parameter is from the input, in layers, from 0; without it `layer_decay` is refused. */
  readonly depthOf?: (architecture: NoInfer<Architecture>, parameter: string) => number;
  /** The names of the weights of the last layer that both heads share; without it the loss_weighting `gradnorm` is refused. */
  readonly lastSharedLayer?: (architecture: NoInfer<Architecture>) => readonly string[];
  /** Whether it makes use of {@link ModelInputs.packed}. */
  readonly leavesPaddingOut?: boolean;
  /** What turns pictures into the features that it sees, where it can. */
  readonly pictureEncoder?: (architecture: NoInfer<Architecture>) => PictureEncoder | undefined;
  /** Weights that a new training starts with in place of drawn ones, where the settings name any. */
  readonly pretrained?: (settings: Settings & ValuesOf<Own> & ValuesOf<Data>) => PretrainedWeights | undefined;
  /** Further settings that a file of weights settles for a training that begins with it. */
  readonly settledByWeights?: ModelDefinition['settledByWeights'];
  /** Where to see which frames counted. */
  readonly frameAttention?: (model: Model) => FrameAttention;
  /** How its class is made in PyTorch. */
  readonly pytorch?: (config: ModelConfig) => PytorchClass;
}

/** A model's definition, of which models of any architecture can be made. */
export interface BuildableModel<Architecture> extends ModelDefinition {
  build(architecture: Architecture): Model;
}

/** Frames of the longest clip that a model without `max_len` takes: as many as the setting allows. */
const MOST_FRAMES = 100_000;

/**
 * Defines a model: the one door through which the SignTransformer, the InceptionV3GRU and models of one's own come in. A file whose default export it is can be
 * given to `--model`.
 * @throws UserError where the definition cannot stand: a name that may not be a folder's, settings that others have already.
 */
export function defineModel<
  const Own extends SettingShape,
  const Data extends SettingShape = typeof keypointClips.settings,
  Architecture extends Classes = ValuesOf<Own> & Classes & FrameWidth,
>(parts: ModelParts<Own, Data, Architecture>): BuildableModel<Architecture> {
  return new DefinedModel(parts, undefined);
}

/** Whether a value is what {@link defineModel} gives. */
export function isModelDefinition(value: unknown): value is ModelDefinition {
  return value instanceof DefinedModel;
}

class DefinedModel<
  Own extends SettingShape,
  Data extends SettingShape,
  Architecture extends Classes,
> implements BuildableModel<Architecture> {
  readonly name: string;
  readonly checkpointName: string;
  readonly settings: TypedModelSettings<Settings & ValuesOf<Own> & ValuesOf<Data>>;
  readonly notInShapes: Readonly<Record<string, string>>;
  readonly width: number;
  readonly keypoints: ModelDefinition['keypoints'];
  readonly usualClips: ModelDefinition['usualClips'];
  private readonly clips: ModelClips<Data, Own>;

  constructor(
    private readonly parts: ModelParts<Own, Data, Architecture>,
    readonly file: string | undefined,
  ) {
    refuseWrongDefinition(parts);
    // Where no clips are named they are key points, and Data is the type of those settings.
    this.clips = parts.clips ?? (keypointClips as unknown as ModelClips<Data, Own>);
    this.name = parts.name;
    this.checkpointName = parts.checkpointName ?? classNameOf(parts.name);
    this.notInShapes = parts.notInShapes ?? {};
    this.width = this.clips.width;
    this.keypoints = this.clips.keypoints;
    this.usualClips = this.clips.usual;
    this.settings = modelSettings(parts.name, {
      architecture: parts.settings,
      data: this.clips.settings,
      dataSources: this.clips.sources,
      fixedByWeights: parts.fixedByWeights ?? Object.keys(parts.settings).filter((key) => key !== 'dropout'),
      check: (settings) => [...(parts.check?.(settings) ?? []), ...this.clips.check(settings), ...refuseUnsupported(parts, settings)],
    });
  }

  loadedFrom(file: string): ModelDefinition {
    return new DefinedModel(this.parts, file);
  }

  build(architecture: Architecture): Model {
    const { parts } = this;
    const parameters = parts.parameters(architecture);
    refuseDoubledNames(this.name, parameters);
    const lastSharedLayer = parts.lastSharedLayer?.(architecture);
    refuseUnknownNames(this.name, lastSharedLayer, parameters);
    const pictureEncoder = parts.pictureEncoder?.(architecture);
    return {
      definition: this,
      config: parts.config?.(architecture) ?? this.plainConfig(architecture),
      parameters,
      width: this.widthOf(architecture),
      maxFrames: parts.maxFrames?.(architecture) ?? maxLengthOf(architecture),
      numGloss: architecture.num_gloss,
      numCategory: architecture.num_cat,
      outputLayers: parts.outputLayers ?? { gloss: 'gloss_head', category: 'category_head' },
      leavesPaddingOut: parts.leavesPaddingOut ?? false,
      ...(parts.depthOf === undefined ? {} : { depthOf: (parameter: string) => parts.depthOf?.(architecture, parameter) ?? 0 }),
      ...(lastSharedLayer === undefined ? {} : { lastSharedLayer }),
      ...(pictureEncoder === undefined ? {} : { pictureEncoder }),
      forward: (named, inputs, context) => {
        const outputs = parts.forward(architecture, named, inputs, context);
        const [batch] = inputs.features.shape;
        refuseOtherShape(this.name, 'glossLogits', outputs.glossLogits.shape, [batch, architecture.num_gloss]);
        refuseOtherShape(this.name, 'categoryLogits', outputs.categoryLogits.shape, [batch, architecture.num_cat]);
        return outputs;
      },
    };
  }

  fromSettings(settings: Settings, classes: ClassCounts, width = this.width): Model {
    const { architecture } = this.parts;
    const typed = this.settings.typed(settings);
    const build = (inputs: number): Model =>
      this.build(architecture?.(typed, classes, inputs) ?? this.ownArchitecture(typed, classes, inputs));
    const model = build(width);
    if (width !== this.width) refuseUnchangedWidth(model, width, this.keypoints === 'of the data' ? undefined : build(this.width));
    return model;
  }

  clipLocation(settings: Settings): ClipLocation {
    return this.clips.location(this.settings.typed(settings));
  }

  recognise(saved: SavedModel): RecognisedModel | undefined {
    const recognised = this.parts.recognise === undefined ? this.recogniseByName(saved) : this.parts.recognise(saved);
    return recognised && { model: this.build(recognised.architecture), assumptions: recognised.assumptions };
  }

  pretrained(settings: Settings): PretrainedWeights | undefined {
    return this.parts.pretrained?.(this.settings.typed(settings));
  }

  settledByWeights(model: Model, file: string): Readonly<Record<string, unknown>> {
    return this.parts.settledByWeights?.(model, file) ?? {};
  }

  settledByTransforms(transforms: readonly TransformDescription[]): Readonly<Record<string, unknown>> {
    return this.clips.settledByTransforms?.(transforms) ?? {};
  }

  frameAttention(model: Model): FrameAttention | undefined {
    return this.parts.frameAttention?.(model);
  }

  pytorch(config: ModelConfig): PytorchClass {
    return this.parts.pytorch?.(config) ?? { fromConfig: Object.keys(config), others: [], whole: true };
  }

  /** Whether `input_dim` of its architecture is numbers a frame: those of the data, or more, where inputs are computed of its key points. */
  private get isToldItsWidth(): boolean {
    if (this.keypoints === 'of the data') return true;
    return this.keypoints !== undefined && !Object.hasOwn(this.parts.settings, 'input_dim');
  }

  /** Numbers a frame: those that it was built for, or those of its clips. */
  private widthOf(architecture: object): number {
    const width = this.isToldItsWidth && 'input_dim' in architecture ? architecture.input_dim : undefined;
    return typeof width === 'number' ? width : this.width;
  }

  /** An architecture as it is; numbers a frame that are those of its clips, always the same, are not part of it. */
  private plainConfig(architecture: object): ModelConfig {
    const config = plainConfig(architecture);
    if (this.keypoints === 'of the data' || Object.hasOwn(this.parts.settings, 'input_dim')) return config;
    if (this.isToldItsWidth && config['input_dim'] !== this.width) return config;
    return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'input_dim'));
  }

  /** The architecture of a model that makes no other of its settings: these, the class counts and the numbers a frame. */
  private ownArchitecture(settings: Settings, { gloss, category }: ClassCounts, width: number): Architecture {
    const values: Readonly<Record<string, unknown>> = settings;
    const own = Object.fromEntries(Object.keys(this.parts.settings).map((key) => [key, values[key]]));
    // Architecture is these very values where `architecture` is left out.
    return { input_dim: width, ...own, num_gloss: gloss, num_cat: category } as unknown as Architecture;
  }

  private recogniseByName({ config }: SavedModel): RecognisedArchitecture<Architecture> | undefined {
    if (config['model'] !== this.name) return undefined;
    const { num_gloss: gloss, num_cat: category, input_dim: said } = config;
    const width = this.isToldItsWidth && isCount(said) ? said : this.width;
    if (!isCount(gloss) || !isCount(category))
      throw new UserError(`its config does not say how many classes its ${this.name} tells apart: num_gloss, num_cat`);
    const { values, problems } = checkLayer(
      { source: 'its config', values: ownOf(config, this.parts.settings) },
      this.parts.settings,
      () => undefined,
    );
    if (problems.length > 0) throw new UserError(problems.join('; '));
    const settings = this.settings.settle({ model: this.name, ...Object.fromEntries(values) });
    const unsaid = Object.entries(this.parts.settings).filter(([key]) => !values.has(key));
    return {
      architecture: this.ownArchitecture(settings.settings, { gloss, category }, width),
      assumptions: unsaid.map(([key, schema]) => `${key} ${String(factsOf(schema).default)}`),
    };
  }
}

/** Those of a config's values that are a model's own settings. */
function ownOf(config: SavedModel['config'], own: SettingShape): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => Object.hasOwn(own, key)));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** `GruKeypoints` for `gru_keypoints`. */
function classNameOf(name: string): string {
  return name.replaceAll(/(?:^|_)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}

function plainConfig(architecture: object): ModelConfig {
  const plain = Object.entries(architecture).filter(
    (entry): entry is [string, ModelConfig[string]] => entry[1] === null || ['string', 'number', 'boolean'].includes(typeof entry[1]),
  );
  return Object.fromEntries(plain);
}

function maxLengthOf(architecture: object): number {
  const length = 'max_len' in architecture ? architecture.max_len : undefined;
  return typeof length === 'number' ? length : MOST_FRAMES;
}
