import type { StateDict } from '../checkpoint/state-dict';
import type { PlainRecord, TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import type { Optimizer } from '../engine/optimizers/optimizer';
import type { ParameterGroup } from '../engine/optimizers/parameter-groups';
import type { Held, ParameterValues } from '../engine/parameters';
import type { Program, ProgramState } from '../engine/program';
import type { OptimizerForm } from '../foundation/optimizer-state';
import { countNotFinite, required } from '../foundation/required';
import { optimizerParameters, type Model } from '../models/model';
import { savedWeighting, type LossWeighting } from './loss-weighting';
import { NotFinite } from './not-finite';
import { ratesOfGroup, savedGroups, scheduleOfGroups } from './parameter-groups';
import { saveProgress, type Progress } from './progress';
import type { LearningRateSchedule } from './schedules';

/** What of a training goes into a checkpoint. */
interface TrainingState {
  readonly model: Model;
  readonly program: Program;
  readonly optimizer: Optimizer;
  readonly groups?: readonly ParameterGroup[] | undefined;
  readonly weighting?: LossWeighting | undefined;
  readonly schedule: LearningRateSchedule;
  readonly learningRate: number;
  readonly progress: Progress;
}

/**
 * Takes hold of all that a training needs to go on from here. What is given copies it out, checks it and makes a checkpoint of it, a tensor at a time, whatever the training
 * does meanwhile; it takes memory until it has ended.
 * @param description what lets the checkpoint know itself: its shape, its labels, its data.
 * @throws NotFinite from what is given, where a weight or what the optimiser remembers is not finite.
 */
export function takeCheckpoint(
  state: TrainingState,
  description: PlainRecord,
  args: PlainRecord,
): Generator<Float32Array, TrainingCheckpoint, undefined> {
  const { model, program, optimizer, groups, weighting, schedule, learningRate, progress } = state;
  const inGroups = groups && savedGroups(groups, schedule, learningRate);
  const ofNow = {
    epoch: progress.completedEpochs,
    bestMetric: progress.bestMetric,
    scheduler: scheduleOfGroups(schedule, groups),
    args,
  };
  const optimizerOfNow = {
    form: optimizer.form,
    hyperparameters: optimizer.hyperparameters,
    parameterNames: inGroups?.flatMap(({ parameterNames }) => parameterNames) ?? optimizerParameters(model)[0],
    learningRate,
    ...ratesOfGroup(schedule, 1),
    ...(inGroups === undefined ? {} : { groups: inGroups }),
  };
  const progressOfNow = saveProgress(progress);
  const held = readFinite(program.hold(), optimizer.form, placeOf(progress));
  return (function* () {
    const { parameters, optimizer: slots, average } = yield* held;
    return {
      ...ofNow,
      model: stateDictOf(model, parameters),
      ...(average === undefined ? {} : { average: stateDictOf(model, new Map([...parameters, ...average.values])) }),
      ...(weighting === undefined ? {} : { lossWeighting: savedWeighting(weighting, parameters) }),
      optimizer: { ...slots, ...optimizerOfNow },
      config: {
        ...description,
        progress: { ...progressOfNow, ...(average === undefined ? {} : { averaged_updates: average.updates }) },
      },
    };
  })();
}

/**
 * Reads what a program held, a tensor at a time, and then checks all of it likewise.
 * @param place where the training was.
 * @throws NotFinite that names the tensor, and the place.
 */
function* readFinite(
  held: Held<ProgramState>,
  { className, slots }: OptimizerForm,
  place: string,
): Generator<Float32Array, ProgramState, undefined> {
  try {
    const state = yield* held.read();
    const titled: (readonly [title: string, tensors: ParameterValues])[] = [
      ['', state.parameters],
      ['the average of ', state.average?.values ?? new Map()],
      ...[...state.optimizer.slots].map(
        ([slot, values]) => [`${className}'s ${required(slots[slot], `the title of ${slot}`)} of `, values] as const,
      ),
    ];
    for (const [title, tensors] of titled)
      for (const [name, values] of tensors) {
        const count = countNotFinite(values);
        if (count > 0) throw new NotFinite(`${title}${name} (${count} of ${values.length} values) was no longer finite ${place}`);
        yield values;
      }
    return state;
  } finally {
    held.release();
  }
}

function placeOf({ completedEpochs, batchesDone }: Progress): string {
  return batchesDone > 0 ? `in epoch ${completedEpochs + 1}` : `by the end of epoch ${completedEpochs}`;
}

function stateDictOf({ parameters }: Model, weights: ParameterValues): StateDict {
  return new Map(
    parameters.map(({ name, shape, storedAs }) => [
      name,
      {
        shape,
        values: required(weights.get(name), `the values of the parameter ${name}`),
        ...(storedAs === undefined ? {} : { storedAs }),
      },
    ]),
  );
}
