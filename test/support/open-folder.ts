import { KEYPOINT_FOLDERS } from '../../src/config/data-settings';
import type { Dataset } from '../../src/data/clip-set';
import { openData, type DataRequest } from '../../src/data/open-clips';

/** Opens the validation clips of a data folder, or what else is asked for; of another array than `X` they are no key points. */
export function openFolder(folder: string, more: Partial<DataRequest> = {}): Promise<Dataset> {
  const request = {
    source: { folder },
    key: 'X',
    layout: KEYPOINT_FOLDERS,
    width: 156,
    keypoints: (more.key ?? 'X') === 'X' ? ('of the data' as const) : undefined,
    demoSeed: 0,
    memoryBudgetBytes: 1e9,
    needTrain: false,
  };
  return openData({ ...request, ...more });
}
