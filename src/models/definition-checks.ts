import { sharedSettings, type Settings } from '../config/model-settings';
import { factsOf, isSetting, type SettingProblem, type SettingShape } from '../config/setting';
import type { ParameterDeclaration } from '../engine/parameters';
import { UserError } from '../foundation/errors';
import type { Model, ModelOutputs } from './model';

/** Settings of the training that a model has to be made for. */
export function refuseUnsupported(
  {
    name,
    depthOf,
    dropsLayers = false,
    lastSharedLayer,
  }: { readonly name: string; readonly depthOf?: unknown; readonly dropsLayers?: boolean; readonly lastSharedLayer?: unknown },
  { layer_decay, stochastic_depth, loss_weighting }: Pick<Settings, 'layer_decay' | 'stochastic_depth' | 'loss_weighting'>,
): SettingProblem[] {
  return [
    ...(depthOf !== undefined || layer_decay === 1
      ? []
      : [{ key: 'layer_decay', text: `the model ${name} does not say which layer is how deep (depthOf): leave it out` }]),
    ...(dropsLayers || stochastic_depth === 0
      ? []
      : [{ key: 'stochastic_depth', text: `the model ${name} has no layers that can be left out: leave it out` }]),
    ...(lastSharedLayer !== undefined || loss_weighting !== 'gradnorm'
      ? []
      : [
          {
            key: 'loss_weighting',
            text: `the model ${name} does not say which layer is the last that both heads share (lastSharedLayer), where gradnorm measures: choose static or uncertainty`,
          },
        ]),
  ];
}

export function refuseDoubledNames(model: string, parameters: readonly ParameterDeclaration[]): void {
  const names = new Set<string>();
  for (const { name } of parameters) {
    if (names.has(name)) throw new UserError(`model ${model}: two of its parameters are called ${name}`);
    names.add(name);
  }
}

/** @param lastSharedLayer what the model calls the parameters of that layer. */
export function refuseUnknownNames(
  model: string,
  lastSharedLayer: readonly string[] = [],
  parameters: readonly ParameterDeclaration[],
): void {
  const unknown = lastSharedLayer.find((shared) => !parameters.some(({ name, trainable }) => name === shared && trainable));
  if (unknown !== undefined)
    throw new UserError(`model ${model}: its lastSharedLayer names ${unknown}, which is none of its trained parameters`);
}

export function refuseOtherShape(
  model: string,
  output: keyof ModelOutputs,
  found: readonly number[],
  expected: readonly (number | undefined)[],
): void {
  if (found.join() === expected.join()) return;
  const classes = output === 'glossLogits' ? 'num_gloss' : 'num_cat';
  throw new UserError(
    `model ${model}: its forward gives ${output} [${found.join(', ')}], expected [${expected.join(', ')}], that is [batch, ${classes}]`,
  );
}

/**
 * A model that is given other numbers a frame than its clips have, for inputs that are computed of them, must be made for these.
 * @param model as it is made for so many numbers.
 * @param usual as it is made for those of its clips, where these are always the same.
 */
export function refuseUnchangedWidth(model: Model, width: number, usual: Model | undefined): void {
  const shapesOf = ({ parameters }: Model): string => parameters.map(({ shape }) => shape.join()).join(';');
  if (model.width === width && (usual === undefined || shapesOf(usual) !== shapesOf(model))) return;
  const { name, width: expected } = model.definition;
  throw new UserError(
    `model ${name}: its parameters are for ${expected} numbers a frame, and these are ${width}: leave out motion, bones and missingness, or make the parameters for input_dim numbers`,
  );
}

/** What the commands have as flags of their own, beside what every model's settings are called. */
const TAKEN_NAMES: ReadonlySet<string> = new Set([
  ...['model', 'run', 'config', 'preset', 'resume', 'key', 'optimizer_was', 'eager', 'verbose', 'help', 'version', 'num_gloss', 'num_cat'],
  ...Object.entries(sharedSettings).flatMap(([key, schema]) => [key, ...factsOf(schema).aliases]),
]);

export function refuseWrongDefinition({
  name,
  checkpointName,
  settings,
  clips,
  architecture,
  recognise,
}: {
  readonly name: string;
  readonly checkpointName?: string;
  readonly settings: SettingShape;
  readonly clips?: { readonly settings: SettingShape };
  readonly architecture?: unknown;
  readonly recognise?: unknown;
}): void {
  const refuse = (what: string): never => {
    throw new UserError(`model ${JSON.stringify(name)}: ${what}`);
  };
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(name))
    refuse('its name must be up to 40 small letters, digits and underscores, beginning with a letter');
  if (checkpointName !== undefined && !/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(checkpointName))
    refuse(`its checkpointName must be up to 64 letters and digits, found ${JSON.stringify(checkpointName)}`);
  if (architecture !== undefined && recognise === undefined)
    refuse('architecture and recognise belong together: what is not made of the settings alone cannot be read back from them');
  for (const [key, schema] of Object.entries({ ...settings, ...clips?.settings })) {
    const names = isSetting(schema)
      ? [key, ...factsOf(schema).aliases]
      : refuse(`settings.${key} must be made by setting() or settingOrNone()`);
    const taken = names.find((candidate) => TAKEN_NAMES.has(candidate));
    if (taken !== undefined) refuse(`settings.${key}: every model has a setting or a flag called ${taken} already`);
    if (!/^[a-z][a-z0-9_]*$/.test(key)) refuse(`settings.${key}: expected small letters, digits and underscores`);
  }
}
