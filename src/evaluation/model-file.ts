import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../foundation/errors';

/**
 * The checkpoint that `--model-path` means: a `.pt` file as it is, or of a model folder the `_best.pt`.
 * @throws UserError where there is none.
 */
export function modelFile(modelPath: string): string {
  if (!existsSync(modelPath)) throw new UserError(`--model-path ${modelPath}: no such file or folder`);
  if (!statSync(modelPath).isDirectory()) return modelPath;
  const checkpoints = readdirSync(modelPath).filter((name) => name.endsWith('.pt'));
  const [best, ...more] = checkpoints.filter((name) => name.endsWith('_best.pt'));
  const found = best ?? (checkpoints.length === 1 ? checkpoints[0] : undefined);
  if (found === undefined || more.length > 0) {
    const there = checkpoints.length === 0 ? 'no .pt file' : checkpoints.join(', ');
    throw new UserError(
      `--model-path ${modelPath}: expected one checkpoint that ends in _best.pt, found ${there}; name a model folder or a .pt file`,
    );
  }
  return path.join(modelPath, found);
}
