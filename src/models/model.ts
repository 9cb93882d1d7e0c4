import type { TransformDescription } from '../config/data-settings';
import type { KeypointLayout } from '../config/keypoint-layout';
import type { ModelSettings, Settings } from '../config/model-settings';
import type { Dropout } from '../engine/dropout';
import type { NamedTensors, ParameterDeclaration, ParameterValues } from '../engine/parameters';
import type { tf } from '../engine/tensorflow';
import type { ClipLocation } from './clips';

/** A batch as a model sees it. */
export interface ModelInputs {
  /** `[batch, frames, width]` */
  readonly features: tf.Tensor;
  /** `[batch, frames]`, 1 for a frame of the clip, 0 for padding; every row has at least one frame. */
  readonly mask: tf.Tensor;
  /** The frames without their padding, for a model that can leave it out; what it computes is the same without them. */
  readonly packed?: PackedFrames | undefined;
}

/** Which places of `[batch · frames]` are frames of clips. */
export interface PackedFrames {
  /** int32 `[rows]`: the place of each packed row; rows that only fill up name a padded place. */
  readonly positions: tf.Tensor;
  /** int32 `[batch · frames]`: the packed row of each place, any for a padded one. */
  readonly rows: tf.Tensor;
}

/** What a model gives. */
export interface ModelOutputs {
  /** `[batch, num_gloss]` */
  readonly glossLogits: tf.Tensor;
  /** `[batch, num_cat]` */
  readonly categoryLogits: tf.Tensor;
}

/** What surrounds a forward pass. */
export interface ForwardContext {
  readonly dropout: Dropout;
  /** The share of clips for which the last layer is left out (stochastic depth): 0 but in a training that asks for it, of a model that says it can (`dropsLayers`). */
  readonly stochasticDepth?: number;
  /** Sees tensors from inside, as `encoder_layers.0.attention` with its weights `[batch, heads, frames, frames]`. They are freed with the pass. */
  readonly observe?: (name: string, tensor: tf.Tensor) => void;
  /** Only in a training step: takes what is to be added to a buffer (BatchNorm's running statistics) once the step is done. */
  readonly addToBuffer?: (name: string, amount: tf.Tensor) => void;
}

/** What fixes a model's shape, as a checkpoint's `config` holds it. */
export type ModelConfig = Readonly<Record<string, string | number | boolean | null>>;

/** A frozen part of a model that sees pictures one by one. */
export interface PictureEncoder {
  /** Side of the pictures, in pixels: it takes `[frames, side, side, 3]`, pixels from 0 to 255. */
  readonly side: number;
  /** Numbers that it gives for a picture. */
  readonly width: number;
  /** Of its settings, what its features depend on, as `transform_input true`. */
  readonly identity: string;
  /** What it computes with, made once of the model's parameters. */
  readonly parameters: readonly ParameterDeclaration[];
  prepare(weights: ParameterValues): ParameterValues;
  /** @returns `[frames, width]` */
  encode(prepared: NamedTensors, pictures: tf.Tensor): tf.Tensor;
}

/** A model of a settled shape: what it is made of and what it computes. */
export interface Model {
  /** What it is a model of. */
  readonly definition: ModelDefinition;
  /** What rebuilds it, under the names of a PyTorch checkpoint's `config`. */
  readonly config: ModelConfig;
  readonly parameters: readonly ParameterDeclaration[];
  /** Numbers a frame. */
  readonly width: number;
  /** The longest clip it takes, in frames; longer ones are cut to their first frames. */
  readonly maxFrames: number;
  readonly numGloss: number;
  readonly numCategory: number;
  /** The names of the linear layers whose rows are the classes: what a training on other classes begins anew. */
  readonly outputLayers: { readonly gloss: string; readonly category: string };
  /** How far a parameter is from the input: 0 for what sees the clip first, one more for each layer behind it; undefined for a model that does not say. */
  readonly depthOf?: (parameter: string) => number;
  /** The names of the parameters of the last layer that both heads share, at which GradNorm measures their gradients; undefined for a model that does not say. */
  readonly lastSharedLayer?: readonly string[];
  /** Whether it makes use of {@link ModelInputs.packed}; where it does not, a batch is not packed, which would only make further graphs. */
  readonly leavesPaddingOut?: boolean;
  /** What turns pictures into the features that it sees, where it can; its weights stay as they are. */
  readonly pictureEncoder?: PictureEncoder;
  forward(parameters: NamedTensors, inputs: ModelInputs, context: ForwardContext): ModelOutputs;
}

/** Everything that differs between models, made by `defineModel`. Nothing else knows which model it has. */
export interface ModelDefinition {
  /** What `--model` and its folders call it. */
  readonly name: string;
  /** The class's name in PyTorch and the start of its checkpoints' names. */
  readonly checkpointName: string;
  /** The file that it was loaded from; undefined for a model of Kumpas, or one that a program made. */
  readonly file: string | undefined;
  /** The same definition, as one that was loaded from a file. */
  loadedFrom(file: string): ModelDefinition;
  readonly settings: ModelSettings;
  /** Settings that weights may not have in their shapes, each with its name in a checkpoint's config. */
  readonly notInShapes: Readonly<Record<string, string>>;
  /** Numbers a frame that its clips must have; where these are key points of the data's choice, what they have most often. */
  readonly width: number;
  /** Where its clips are key points: which ones, or those that the data says. */
  readonly keypoints: KeypointLayout | 'of the data' | undefined;
  /** Where clips lie that were given for a checkpoint that does not say it: their key and folders. */
  readonly usualClips: Omit<ClipLocation, 'source'>;
  clipLocation(settings: Settings): ClipLocation;
  /** @param width numbers a frame of the data, for a model that takes whichever key points that has; else, and where it is left out, {@link width}. */
  fromSettings(settings: Settings, classes: ClassCounts, width?: number): Model;
  /** The model that a checkpoint holds; undefined where it is another one's. */
  recognise(saved: SavedModel): RecognisedModel | undefined;
  /** Weights that a new training starts with in place of drawn ones, where the settings name any. */
  pretrained(settings: Settings): PretrainedWeights | undefined;
  /** Further settings that a file of weights settles for a training that begins with it. */
  settledByWeights(model: Model, file: string): Readonly<Record<string, unknown>>;
  /** The settings that ask for the transforms that a file of weights has. */
  settledByTransforms(transforms: readonly TransformDescription[]): Readonly<Record<string, unknown>>;
  /** Where to see which frames counted; undefined for a model without attention. */
  frameAttention(model: Model): FrameAttention | undefined;
  /** How the class is made in PyTorch, for a page that shows it. */
  pytorch(config: ModelConfig): PytorchClass;
}

/** How many classes the heads tell apart. */
export interface ClassCounts {
  readonly gloss: number;
  readonly category: number;
}

/** What a checkpoint says of its model. */
export interface SavedModel {
  /** Its `config`; empty where it has none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The shape of every tensor in its state_dict. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** A model rebuilt from a checkpoint. */
export interface RecognisedModel {
  readonly model: Model;
  /** What neither shapes nor config could tell and was taken as usual, as `num_heads 8`. */
  readonly assumptions: readonly string[];
}

/** How a model's observed tensors tell which frames of a clip counted. */
export interface FrameAttention {
  /** Names of observed tensors, one a layer, `[batch, heads, positions, positions]`: how much each position (a row) takes from each (a column). */
  readonly layers: readonly string[];
  /** Positions before the first frame, as a class token's. */
  readonly leadingPositions: number;
  /** The position that the decision is read from; undefined where it is read from all frames alike. */
  readonly readFrom: number | undefined;
}

/** Values and their shape, as a checkpoint holds them. */
export interface ShapedValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Weights from elsewhere that a new training starts with. */
export interface PretrainedWeights {
  readonly file: string;
  /** Settings that go with these weights, even where the rest of the model begins with those of another file. */
  readonly decides: readonly string[];
  /**
   * Those of the model's parameters that the file's weights give.
   * @throws UserError without the file's name, where some are missing or of another shape.
   */
  readonly pick: (weights: ReadonlyMap<string, ShapedValues>) => ParameterValues;
}

/** How a model's class is made and filled in PyTorch. */
export interface PytorchClass {
  /** Arguments of its constructor that a checkpoint's config holds under the same names. */
  readonly fromConfig: readonly string[];
  /** Further arguments, as `pretrained_backbone=False`. */
  readonly others: readonly string[];
  /** False where the class has parameters that such a checkpoint lacks, and that do not take part. */
  readonly whole: boolean;
}

/** What PyTorch's modules call their buffers, which no optimiser knows: BatchNorm's statistics, the positions. */
const BUFFER = /(?:^|\.)(?:running_mean|running_var|num_batches_tracked|pe)$/;

/**
 * The names that an optimiser's positions may stand for, in the order of the state_dict: those of `torch.optim.Adam(model.parameters())`, which knows frozen
 * parameters too and keeps no state for them; else those of the trained ones alone, where it was given only these.
 */
export function optimizerParameters(model: Model): [all: string[], trained: string[]] {
  return [model.parameters.map(({ name }) => name).filter((name) => !BUFFER.test(name)), trainedParameters(model)];
}

/** The names of the parameters that are trained, in the order of the state_dict. */
export function trainedParameters({ parameters }: Model): string[] {
  return parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
}
