/** Where a data set lies: what the data settings of a model name, and what opens it is given. */
export type DataSource = DataFolder | DataPaths;

/** A folder with everything in it, its clips in folders that {@link ClipFolders} names. */
export interface DataFolder {
  readonly folder: string;
}

/** Folders of clips and their labels, each named. What belongs to training may be absent where only validation is needed. */
export interface DataPaths {
  readonly keypoints_train?: string | undefined;
  readonly keypoints_val: string;
  readonly labels_train_csv?: string | undefined;
  readonly labels_val_csv: string;
  readonly labels_reference?: string | undefined;
}

/** The names of the clips' folders within a data folder: what one model's clips are called, and another's. */
export interface ClipFolders {
  readonly trainFolder: string;
  readonly validationFolder: string;
  /** What they may be called too, where the first of these is not there. */
  readonly otherwise?: ClipFolders;
}

/** What the folders of clips of key points are called. */
export const KEYPOINT_FOLDERS: ClipFolders = { trainFolder: 'keypoints_train', validationFolder: 'keypoints_val' };

/** What changes a clip before a model sees it, as plain data: the name of a transform and its options. */
export interface TransformDescription {
  readonly name: string;
  readonly [option: string]: string | number | boolean;
}
