import type { ClipFolders, DataSource } from '../config/data-settings';
import { UserError } from '../foundation/errors';
import type { Dataset } from './clip-set';
import { openDataset } from './dataset';
import { demoTitle } from './demo/generate';
import { demoSetOfWidth } from './demo/sets';
import { demoLabels } from './demo/signs';
import { nameClasses } from './labels';

/** What is to be opened. */
export interface DataRequest {
  /** Undefined for the demo set. */
  readonly source: DataSource | undefined;
  readonly key: string;
  readonly layout: ClipFolders;
  /** Numbers a frame. */
  readonly width: number;
  /** Where the clips are pictures: the side that they are brought to, in pixels; `width` is the size of such a picture then. */
  readonly pictureSide?: number;
  /** Class counts in place of those that the data tells. */
  readonly numGloss?: number | null;
  readonly numCat?: number | null;
  /** Where the counts come from the data: no fewer classes than these. */
  readonly atLeast?: { readonly gloss: number; readonly category: number };
  /** What the demo set is a function of. */
  readonly demoSeed: number;
  readonly memoryBudgetBytes: number;
  readonly needTrain: boolean;
  /** True where clips that cannot be used are left out, and told with the dataset, instead of ending everything. */
  readonly leaveOutBroken?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (warning: string) => void;
}

/**
 * Opens people's clips, or the demo set where none are named.
 * @throws DataError with everything that is wrong with the clips.
 */
export async function openData(request: DataRequest): Promise<Dataset> {
  const { source, ...options } = request;
  if (source !== undefined) return openDataset(source, options);
  const { gloss, category } = demoLabels();
  refuseFewer('--num-gloss', request.numGloss, gloss.length, 'glosses');
  refuseFewer('--num-cat', request.numCat, category.length, 'categories');
  const demo = demoSetOfWidth(request.width).dataset({ seed: request.demoSeed });
  return { ...demo, labels: nameClasses([], demo.labels, request) };
}

function refuseFewer(flag: string, asked: number | null | undefined, present: number, noun: string): void {
  if (typeof asked !== 'number' || asked >= present) return;
  throw new UserError(`${flag} ${asked}: the ${demoTitle} has ${present} ${noun}; give no fewer, or leave it out`);
}
