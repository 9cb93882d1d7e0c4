import { existsSync } from 'node:fs';
import path from 'node:path';
import { it } from '@jest/globals';

const sharedFolder = path.resolve(__dirname, '../../../shared');

/** The path of a file or folder of `../shared`, or undefined on a machine that has none. */
export function sharedPath(relative: string): string | undefined {
  const found = path.join(sharedFolder, relative);
  return existsSync(found) ? found : undefined;
}

/** A test that needs a file or folder of `../shared`: where it is absent, the test is skipped. */
export function itWithShared(relative: string, title: string, test: (found: string) => void | Promise<void>, timeout?: number): void {
  const found = sharedPath(relative);
  if (found === undefined) {
    it.skip(`${title} (../shared/${relative} is not here)`, () => undefined);
    return;
  }
  it(
    title,
    async () => {
      await test(found);
    },
    timeout,
  );
}
