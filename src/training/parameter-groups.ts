import { pythonFloat } from '../checkpoint/python-values';
import type { SavedGroup } from '../checkpoint/optimizer-state-dict';
import type { Settings } from '../config/model-settings';
import type { ParameterGroup } from '../engine/optimizers/parameter-groups';
import { optimizerFor, type OptimizerSettings } from '../engine/optimizers/table';
import { required } from '../foundation/required';
import { optimizerParameters, type Model } from '../models/model';
import type { LearningRateSchedule } from './schedules';

/** Settings that say which parameters are updated otherwise than others. */
export type GroupSettings = OptimizerSettings & Pick<Settings, 'weight_decay_on' | 'layer_decay'>;

/**
 * The groups that a model's parameters are updated in, each with the learning rate of its depth and the weight decay of its kind; those next to the heads first,
 * so that the first group's rate is the schedule's. Undefined where all are updated alike.
 * @param ofTraining trained parameters that are not the model's: a last group, at the schedule's rate and without weight decay.
 * @throws Error where layer_decay is given for a model that does not say how deep its parameters lie.
 */
export function parameterGroups(
  model: Model,
  settings: GroupSettings,
  ofTraining: readonly string[] = [],
): readonly ParameterGroup[] | undefined {
  const { layer_decay, weight_decay, weight_decay_on } = settings;
  const spared = weight_decay_on === 'weights' && weight_decay > 0 ? vectorsOf(model) : new Set<string>();
  const distances = layer_decay === 1 ? new Map<string, number>() : distancesFromHeads(model);
  if (spared.size === 0 && distances.size === 0 && ofTraining.length === 0) return undefined;

  const groups = new Map<string, { distance: number; decays: boolean; names: string[] }>();
  for (const name of optimizerParameters(model)[0]) {
    const distance = distances.get(name) ?? 0;
    const decays = !spared.has(name);
    const key = `${distance} ${decays}`;
    const group = groups.get(key) ?? { distance, decays, names: [] };
    group.names.push(name);
    groups.set(key, group);
  }
  const undecayed = optimizerFor({ ...settings, weight_decay: 0 });
  const ofModel = [...groups.values()]
    .sort((one, other) => one.distance - other.distance || Number(other.decays) - Number(one.decays))
    .map(({ distance, decays, names }) => ({
      names,
      optimizer: decays ? optimizerFor(settings) : undecayed,
      rateFactor: layer_decay ** distance,
    }));
  return ofTraining.length === 0 ? ofModel : [...ofModel, { names: ofTraining, optimizer: undecayed, rateFactor: 1 }];
}

/** Biases, the parameters of norms, and a class token: all of one axis but for axes of length 1. */
function vectorsOf({ parameters }: Model): Set<string> {
  return new Set(parameters.filter(({ shape }) => shape.filter((length) => length > 1).length <= 1).map(({ name }) => name));
}

/** How many layers each parameter lies before the heads. */
function distancesFromHeads({ parameters, depthOf }: Model): Map<string, number> {
  const depths = new Map(parameters.map(({ name }) => [name, required(depthOf, 'the depth of the model’s parameters')(name)]));
  const deepest = Math.max(...depths.values());
  return new Map([...depths].map(([name, depth]) => [name, deepest - depth]));
}

/** Groups as a checkpoint holds them, with their learning rates of now. */
export function savedGroups(groups: readonly ParameterGroup[], schedule: LearningRateSchedule, learningRate: number): SavedGroup[] {
  return groups.map(({ names, optimizer, rateFactor }) => ({
    parameterNames: names,
    learningRate: learningRate * rateFactor,
    hyperparameters: optimizer.hyperparameters,
    ...ratesOfGroup(schedule, rateFactor),
  }));
}

/** The rates that a schedule keeps in a group of parameters. */
export function ratesOfGroup({ groupRates }: LearningRateSchedule, rateFactor: number): Pick<SavedGroup, 'furtherGroupKeys'> {
  if (groupRates === undefined) return {};
  return { furtherGroupKeys: new Map(Object.entries(groupRates).map(([key, rate]) => [key, pythonFloat(rate * rateFactor)])) };
}

/** What a scheduler's state_dict has once for each group. */
const RATES_OF_GROUPS: ReadonlySet<string> = new Set(['base_lrs', '_last_lr', 'min_lrs']);

/** The state_dict of a schedule, as PyTorch's scheduler has it over several groups of parameters. */
export function scheduleOfGroups(
  schedule: LearningRateSchedule,
  groups: readonly ParameterGroup[] | undefined,
): ReturnType<LearningRateSchedule['stateDict']> {
  const state = schedule.stateDict();
  if (state === undefined || groups === undefined) return state;
  return Object.fromEntries(
    Object.entries(state).map(([key, value]) => {
      const [one] = Array.isArray(value) ? (value as readonly (number | null)[]) : [];
      if (one === null) return [key, groups.map(() => null)];
      return one === undefined || !RATES_OF_GROUPS.has(key) ? [key, value] : [key, groups.map(({ rateFactor }) => one * rateFactor)];
    }),
  );
}
