import type { ParameterValues } from '../../engine/parameters';
import { UserError } from '../../foundation/errors';
import type { ShapedValues } from '../model';
import { BACKBONE_PREFIX, backboneParameters, IMAGENET_CLASSES } from './backbone-parameters';

/**
 * The backbone in a state_dict: torchvision's own inception_v3, or one that holds it, as an InceptionV3GRU's. Its last layer is left out, and its auxiliary head
 * where it is another one's, since neither is computed.
 * @returns the values by the names of an InceptionV3GRU's state_dict.
 * @throws UserError where parts are missing or of another shape.
 */
export function pickBackbone(weights: ReadonlyMap<string, ShapedValues>): ParameterValues {
  const first = 'Conv2d_1a_3x3.conv.weight';
  const prefix = [...weights.keys()].find((name) => name.endsWith(first))?.slice(0, -first.length);
  if (prefix === undefined) {
    const some = [...weights.keys()].slice(0, 3).join(', ');
    throw new UserError(
      `it holds no InceptionV3 (no ${first} among ${some}, …); give torchvision's inception_v3 state_dict, or a checkpoint that holds one`,
    );
  }
  const problems: string[] = [];
  const found = new Map<string, Float32Array>();
  for (const { name, shape } of backboneParameters(false, IMAGENET_CLASSES)) {
    const there = weights.get(`${prefix}${name.slice(BACKBONE_PREFIX.length)}`);
    if (there?.shape.join() === shape.join()) found.set(name, there.values);
    else if (!name.startsWith(`${BACKBONE_PREFIX}AuxLogits.`) && !name.endsWith('num_batches_tracked'))
      problems.push(
        there === undefined ? `${name} is missing` : `${name} has shape [${there.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
  }
  if (problems.length > 0)
    throw new UserError(
      `its InceptionV3 does not fit: ${problems.slice(0, 5).join('; ')}${problems.length > 5 ? `; and ${problems.length - 5} more` : ''}`,
    );
  return found;
}
