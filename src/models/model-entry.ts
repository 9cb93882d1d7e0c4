import type { ClipFolders, DataSource } from '../config/data-source';
import type { ParameterValues } from '../engine/parameters';
import type { Model } from './model';

/** How many classes the heads tell apart. */
export interface ClassCounts {
  readonly gloss: number;
  readonly category: number;
}

/** Where a model's clips lie, from its own data settings. */
export interface ClipLocation {
  /** A folder laid out as the layout says, or each part named; undefined for the demo set. */
  readonly source: DataSource | undefined;
  /** The array in each `.npz` that the model reads. */
  readonly key: string;
  readonly layout: ClipFolders;
  /** Where the clips are pictures. */
  readonly pictures?: {
    /** Side in pixels that they are brought to. */
    readonly side: number;
    /** Whether the model is trained on the features that its picture encoder gives for them; else on the pictures themselves. */
    readonly encoded: boolean;
  };
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

/** Everything that differs between models, as the table of models holds it. */
export interface ModelEntry<ModelSettings> {
  /** The class's name in PyTorch and the start of its checkpoints' names. */
  readonly checkpointName: string;
  /** How the class is made in PyTorch, for a page that shows it. */
  pytorch(config: Model['config']): PytorchClass;
  /** Numbers a frame that its clips must have. */
  readonly width: number;
  fromSettings(settings: ModelSettings, classes: ClassCounts): Model;
  clipLocation(settings: ModelSettings): ClipLocation;
  /** Where clips lie that were given for a checkpoint that does not say it: their key and folders. */
  readonly usualClips: Omit<ClipLocation, 'source'>;
  /** Weights that a new training starts with in place of drawn ones, where the settings name any. */
  pretrained?(settings: ModelSettings): PretrainedWeights | undefined;
  /** The model that a checkpoint holds; undefined where it is another one's. */
  fromCheckpoint(saved: SavedModel): RecognisedModel | undefined;
  /** Where to see which frames counted; absent for a model without attention. */
  frameAttention?(model: Model): FrameAttention;
}
