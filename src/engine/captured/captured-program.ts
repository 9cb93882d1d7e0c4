import type { OptimizerState } from '../../foundation/optimizer-state';
import { elementAt, required } from '../../foundation/required';
import { lastOf } from '../../foundation/slices';
import { nativeBinding } from '../native-backend';
import type { Optimizer } from '../optimizers/optimizer';
import { UpdateGroups } from '../optimizers/parameter-groups';
import type { AverageState } from '../optimizers/weight-average';
import { asOutOfMemory, OutOfMemory } from '../out-of-memory';
import { averagedParameters, type Held, type HostArray, type NamedArrays, type ParameterValues } from '../parameters';
import type { Program, ProgramDefinition, ProgramState, StepResult, UpdateRequest } from '../program';
import {
  ACCUMULATION_SCALE,
  accumulationEntry,
  applyEntry,
  AVERAGE_SHARE,
  evaluationEntry,
  FINITE,
  GRADIENT_NORM,
  gradientNames,
  gradientsEntry,
  optimizerInput,
  RECORDED,
  updateEntry,
  type UpdateRule,
  type UpdateVariables,
} from './entries';
import { computeLater, computeNow, type Computing, type Entry, PerShape, resultsOf } from './entry';
import { withFusedEncoder } from './fused-encoder';
import type { MatrixType } from './matrix-type';
import { inFastestProducts } from './own-products';
import { type InputTypes, inputTypesOf, LOSS, ofKind, ProgramRecorder, recordEvaluation, recordTraining } from './recorded-program';
import { DataType, type Recording } from './recording';
import { Session } from './session';
import { SharedVariables } from './shared-variables';

/**
 * Runs a program as TensorFlow graphs, as `graphFunction` runs a function: a computation is recorded once for every set of input shapes, and from then on run by one native call. Parameters,
 * what the optimiser remembers and accumulated gradients are variables that all graphs share.
 */
export class CapturedProgram implements Program {
  private readonly session: Session;
  private readonly parameters: SharedVariables;
  private readonly trainable: ProgramDefinition['parameters'];
  private readonly trainings = new PerShape<Recording>();
  private readonly recorder: ProgramRecorder;
  /** The graphs of each purpose. */
  private readonly entries = {
    evaluate: new PerShape<Entry>(),
    gradients: new PerShape<Entry>(),
    update: new PerShape<Entry>(),
    accumulate: new PerShape<Entry>(),
    apply: new PerShape<Entry>(),
  };
  private slots: ReadonlyMap<string, SharedVariables> | undefined;
  private sums: SharedVariables | undefined;
  /** The parameters whose gradients are accumulated and not yet applied. */
  private pending = new Set<string>();
  /** The parameters that were ever updated: those that the optimiser remembers something of. */
  private updated = new Set<string>();
  private step = 0;
  private groups: UpdateGroups | undefined;
  private readonly average: SharedVariables | undefined;
  /** Updates that the average has followed. */
  private averaged = 0;

  /**
   * @param matrixType the type in which matrix products are computed.
   * @param devices TensorFlow's names of the devices that share each batch, where the program says how it may be divided; none: TensorFlow chooses one.
   * @param target where it runs: see {@link Session}.
   * @throws Error where a parameter's values are missing or of another size.
   */
  constructor(
    private readonly definition: ProgramDefinition,
    initial: ParameterValues,
    matrixType: MatrixType = 'float32',
    devices: readonly string[] = [],
    target = '',
  ) {
    this.recorder = new ProgramRecorder(definition, matrixType, devices);
    this.session = new Session({ target, grows: target === '' && nativeBinding().isUsingGpuDevice() });
    this.trainable = definition.parameters.filter((parameter) => parameter.trainable);
    this.parameters = new SharedVariables(this.session, definition.parameters);
    this.writeParameters(initial);
    if (definition.average === undefined) return;
    this.average = new SharedVariables(this.session, averagedParameters(definition.parameters));
    this.writeAverage({ updates: 0, values: initial });
  }

  evaluate(inputs: NamedArrays): NamedArrays {
    try {
      return computeNow(this.evaluating(inputs));
    } catch (error) {
      throw asOutOfMemory(error, () => true);
    }
  }

  async evaluateLater(inputs: NamedArrays): Promise<NamedArrays> {
    try {
      return await computeLater(this.evaluating(inputs));
    } catch (error) {
      throw asOutOfMemory(error, () => true);
    }
  }

  private *evaluating(inputs: NamedArrays): Computing<NamedArrays> {
    const types = inputTypesOf(inputs);
    const record = (): Recording => inFastestProducts(withFusedEncoder(this.recorder.record(types, recordEvaluation)));
    const entry = this.entries.evaluate.for(types, () => evaluationEntry(record(), this.parameters));
    return outputsOf(yield* resultsOf(entry, inputs));
  }

  trainStep(inputs: NamedArrays, update: UpdateRequest): StepResult {
    try {
      return computeNow(this.stepping(inputs, update));
    } catch (error) {
      throw this.refusedStep(error, inputs);
    }
  }

  async trainStepLater(inputs: NamedArrays, update: UpdateRequest): Promise<StepResult> {
    try {
      return await computeLater(this.stepping(inputs, update));
    } catch (error) {
      throw this.refusedStep(error, inputs);
    }
  }

  private refusedStep(error: unknown, inputs: NamedArrays): unknown {
    const refused = asOutOfMemory(error, (message) => isRecordedNode(message) && !this.addsToBuffers(inputs));
    if (refused instanceof OutOfMemory) this.forgetAccumulated(); // Some of the sums have this step's gradients, others do not.
    return refused;
  }

  private *stepping(inputs: NamedArrays, { learningRate, gradientScale, apply }: UpdateRequest): Computing<StepResult> {
    const atOnce = apply && gradientScale === 1 && this.pending.size === 0;
    const results = yield* atOnce ? this.update(inputs, learningRate) : this.accumulate(inputs, gradientScale);
    const appliesNow = !atOnce && apply && isFiniteStep(results);
    const applied = appliesNow ? yield* this.applyAccumulated(learningRate) : atOnce ? results : undefined;
    const finite = isFiniteStep(results) && (applied === undefined || isFiniteStep(applied));
    if (!finite) this.forgetAccumulated();
    return {
      loss: scalarOf(results, LOSS),
      outputs: outputsOf(results),
      gradientNorm: applied && scalarOf(applied, GRADIENT_NORM),
      finite,
    };
  }

  gradients(inputs: NamedArrays): ParameterValues {
    const types = inputTypesOf(inputs);
    const results = this.entries.gradients.for(types, () => gradientsEntry(this.training(types), this.parameters)).run(inputs);
    return new Map([...ofKind('gradient', results)].map(([name, { values }]) => [name, values as Float32Array]));
  }

  readParameters(): ParameterValues {
    return this.parameters.read();
  }

  writeParameters(values: ParameterValues): void {
    for (const { name } of this.definition.parameters) if (!values.has(name)) throw new Error(`no values for the parameter ${name}`);
    this.parameters.write(values);
  }

  readOptimizer(): OptimizerState {
    return lastOf(this.holdOptimizer().read());
  }

  writeOptimizer({ step = 0, slots }: OptimizerState): void {
    this.step = step;
    const variables = this.slotVariables();
    const isKnown = (name: string): boolean => [...variables.keys()].every((slot) => slots.get(slot)?.has(name) === true);
    this.updated = new Set(this.trainable.map(({ name }) => name).filter(isKnown));
    for (const [slot, shared] of variables) shared.write(new Map([...(slots.get(slot) ?? [])].filter(([name]) => this.updated.has(name))));
  }

  readAverage(): AverageState | undefined {
    return this.average && { updates: this.averaged, values: this.average.read() };
  }

  writeAverage({ updates, values }: AverageState): void {
    const average = required(this.average, 'an average of the parameters');
    for (const { name } of average.declarations) if (!values.has(name)) throw new Error(`no average of the parameter ${name}`);
    average.write(values);
    this.averaged = updates;
  }

  hold(): Held<ProgramState> {
    const [parameters, optimizer, average] = [this.parameters.hold(), this.holdOptimizer(), this.average?.hold()];
    const updates = this.averaged;
    return {
      *read() {
        return {
          parameters: yield* parameters.read(),
          optimizer: yield* optimizer.read(),
          average: average && { updates, values: yield* average.read() },
        };
      },
      release() {
        for (const held of [parameters, optimizer, average]) held?.release();
      },
    };
  }

  /** Takes hold of what the optimiser remembers. */
  private holdOptimizer(): Held<OptimizerState> {
    const { slots, form } = this.optimizer;
    const held = slots.map((slot) => [slot, this.slots && required(this.slots.get(slot), `the variables of ${slot}`).hold()] as const);
    const step = form.countsSteps ? this.step : undefined;
    const updated = new Set(this.updated);
    return {
      *read() {
        const read = new Map<string, ParameterValues>();
        for (const [slot, values] of held)
          read.set(slot, new Map([...(values === undefined ? [] : yield* values.read())].filter(([name]) => updated.has(name))));
        return { step, slots: read };
      },
      release() {
        for (const [, values] of held) values?.release();
      },
    };
  }

  dispose(): void {
    for (const variables of [this.parameters, ...(this.slots?.values() ?? []), this.sums, this.average]) variables?.dispose();
    this.session.dispose();
  }

  /** Gradients and update in one run. */
  private *update(inputs: NamedArrays, learningRate: number): Computing<Map<string, HostArray>> {
    const types = inputTypesOf(inputs);
    const recording = this.training(types);
    const entry = this.entries.update.for(types, () => updateEntry(recording, this.updateVariables(), this.updateRule()));
    return yield* this.updating(entry, inputs, { learningRate, names: gradientNames(recording) });
  }

  private *accumulate(inputs: NamedArrays, scale: number): Computing<Map<string, HostArray>> {
    const types = inputTypesOf(inputs);
    const recording = this.training(types);
    const entry = this.entries.accumulate.for(types, () => accumulationEntry(recording, this.parameters, this.gradientSums()));
    const results = yield* resultsOf(entry, { ...inputs, [ACCUMULATION_SCALE]: scalarArray(scale) });
    if (isFiniteStep(results)) for (const name of gradientNames(recording)) this.pending.add(name);
    return results;
  }

  private *applyAccumulated(learningRate: number): Computing<Map<string, HostArray>> {
    const names = [...this.pending].sort();
    const sums = new Map(
      this.trainable.filter(({ name }) => this.pending.has(name)).map(({ name, shape }) => [name, { dtype: DataType.float32, shape }]),
    );
    const entry = this.entries.apply.for(sums, () => applyEntry(names, this.updateVariables(), this.gradientSums(), this.updateRule()));
    const results = yield* this.updating(entry, {}, { learningRate, names });
    this.forgetAccumulated();
    return results;
  }

  private forgetAccumulated(): void {
    if (this.pending.size > 0) this.gradientSums().clear();
    this.pending = new Set();
  }

  private *updating(
    entry: Entry,
    inputs: NamedArrays,
    { learningRate, names }: { learningRate: number; names: readonly string[] },
  ): Computing<Map<string, HostArray>> {
    const scalars = this.updateGroups()
      .scalars(learningRate, this.step + 1, true)
      .flatMap((ofGroup, group) =>
        Object.entries(ofGroup).map(([name, value]) => [optimizerInput(name, group), scalarArray(value)] as const),
      );
    const given = Object.fromEntries(scalars);
    const share = this.definition.average?.shareAt(this.averaged + 1);
    const results = yield* resultsOf(entry, {
      ...inputs,
      ...given,
      ...(share === undefined ? {} : { [AVERAGE_SHARE]: scalarArray(share) }),
    });
    if (!isFiniteStep(results)) return results;
    this.step++;
    this.averaged++;
    for (const name of names) this.updated.add(name);
    return results;
  }

  /** The training computation for inputs of these shapes, recorded when first asked for. */
  private training(types: InputTypes): Recording {
    return this.trainings.for(types, () => inFastestProducts(this.recorder.record(types, recordTraining)));
  }

  /** Whether a step adds to buffers, which it does as soon as it has been through the model. */
  private addsToBuffers(inputs: NamedArrays): boolean {
    return ofKind('increment', this.training(inputTypesOf(inputs)).results).size > 0;
  }

  private updateVariables(): UpdateVariables {
    return { parameters: this.parameters, slots: this.slotVariables(), average: this.average };
  }

  private slotVariables(): ReadonlyMap<string, SharedVariables> {
    this.slots ??= new Map(this.optimizer.slots.map((slot) => [slot, new SharedVariables(this.session, this.trainable)]));
    return this.slots;
  }

  private updateRule(): UpdateRule {
    const { clipNorm, parameters } = this.definition;
    const unclipped = parameters.flatMap(({ name, ofTraining }) => (ofTraining === true ? [name] : []));
    return { groups: this.updateGroups(), clipNorm, unclipped: new Set(unclipped) };
  }

  private updateGroups(): UpdateGroups {
    this.groups ??= new UpdateGroups(this.optimizer, this.definition.parameterGroups);
    return this.groups;
  }

  private gradientSums(): SharedVariables {
    this.sums ??= new SharedVariables(this.session, this.trainable);
    return this.sums;
  }

  private get optimizer(): Optimizer {
    const { optimizer } = this.definition;
    if (optimizer === undefined) throw new Error('this program has no optimizer');
    return optimizer;
  }
}

/** Whether an error names an operation of the recorded computation: no variable is updated before all of it is done. */
function isRecordedNode(message: string): boolean {
  return message.includes(`{{node ${RECORDED}/`);
}

function outputsOf(results: ReadonlyMap<string, HostArray>): NamedArrays {
  return Object.fromEntries(ofKind('output', results));
}

/** Whether a training step's numbers were finite; where not, it has changed nothing. */
function isFiniteStep(results: ReadonlyMap<string, HostArray>): boolean {
  return scalarOf(results, FINITE) === 1;
}

function scalarOf(results: ReadonlyMap<string, HostArray>, name: string): number {
  return elementAt(required(results.get(name), `the result ${name}`).values, 0);
}

function scalarArray(value: number): HostArray {
  return { shape: [], values: Float32Array.of(value) };
}
