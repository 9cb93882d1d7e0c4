import { existsSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_ROOT } from './models/registry-flags';
import { findModelOrRelease } from '../zoo/registered-models';

/**
 * The path of a model that was typed by its path, or by its name in the registry: `transformer_baseline_09-20`, `transformer_baseline_09-20@1.0.0`.
 * @throws UserError for a name that the registry does not have.
 */
export function pathOfModel(named: string): string {
  const isName = !/[/\\]/.test(named) && !/\.(pt|pth|ckpt|bin|safetensors)$/.test(named) && named !== '.' && named !== '..';
  if (!isName || existsSync(named) || !existsSync(DEFAULT_ROOT)) return named;
  const { model, release } = findModelOrRelease(path.normalize(DEFAULT_ROOT), named);
  return release?.folder ?? model.folder;
}
