import { z } from 'zod';
import { UserError } from '../foundation/errors';
import { checkLayer, locate, type SettingsLayer } from './layers';
import { factsOf, type SettingShape } from './setting';

/** What may be given for options of some shape: those that must be, and any of the others. */
export type OptionsInput<Shape extends SettingShape> = z.input<z.ZodObject<Shape>>;

/** Options that were checked, with their defaults. */
export type Options<Shape extends SettingShape> = z.output<z.ZodObject<Shape>>;

/**
 * Checks the options of a verb: those that a program gives are values, those that were typed are texts.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function checkOptions<Shape extends SettingShape>(shape: Shape, layer: SettingsLayer): Options<Shape> {
  const given = Object.fromEntries(Object.entries(layer.values).filter(([, value]) => value !== undefined));
  const { values, problems } = checkLayer({ ...layer, values: given }, shape, () => undefined);
  const missing = Object.entries(shape)
    .filter(([key, schema]) => !Object.hasOwn(given, key) && !schema.safeParse(undefined).success)
    .map(([key, schema]) => `${locate(layer.source, key)} is missing: give ${factsOf(schema).expected}`);
  const wrong = problems.length > 0 ? problems : missing;
  if (wrong.length > 0) throw new UserError(wrong.join('\n'));
  return z.object(shape).parse(Object.fromEntries(values));
}
