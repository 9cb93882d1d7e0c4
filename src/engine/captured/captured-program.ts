import type { AdamSettings, AdamState } from '../adam';
import type { HostArray, NamedArrays } from '../named-tensors';
import type { ParameterValues } from '../parameters';
import type { Program, ProgramDefinition, StepResult, UpdateRequest } from '../program';
import { fusedRate } from './adam-nodes';
import {
  ACCUMULATION_SCALE,
  accumulationEntry,
  ADAM_EPSILON,
  ADAM_RATE,
  applyEntry,
  evaluationEntry,
  FINITE,
  GRADIENT_NORM,
  gradientNames,
  gradientsEntry,
  updateEntry,
  type UpdateVariables,
} from './entries';
import type { Entry } from './entry';
import { recordDivided } from './divided-recording';
import { inputTypesOf, keyOfTypes, type InputTypes } from './input-types';
import { withBfloat16Products, type MatrixType } from './matrix-type';
import { LOSS, ofKind, recordEvaluation, recordTraining } from './recorded-program';
import type { Recording } from './recording';
import { SharedVariables } from './shared-variables';

/**
 * Runs a program as TensorFlow graphs: a computation is recorded once for every set of input shapes, and from then on run by one native call. Parameters,
 * Adam's averages and accumulated gradients are variables that all graphs share.
 */
export class CapturedProgram implements Program {
  private readonly parameters: SharedVariables;
  private readonly trainable: ProgramDefinition['parameters'];
  private readonly trainings = new Map<string, Recording>();
  private readonly entries = new Map<string, Entry>();
  private averages: { readonly expAvg: SharedVariables; readonly expAvgSq: SharedVariables } | undefined;
  private sums: SharedVariables | undefined;
  /** The parameters whose gradients are accumulated and not yet applied. */
  private pending = new Set<string>();
  /** The parameters that were ever updated: those that Adam remembers something of. */
  private updated = new Set<string>();
  private step = 0;

  /**
   * @param matrixType the type in which matrix products are computed.
   * @param devices TensorFlow's names of the devices that share each batch, where the program says how it may be divided; none: TensorFlow chooses one.
   * @throws Error where a parameter's values are missing or of another size.
   */
  constructor(
    private readonly definition: ProgramDefinition,
    initial: ParameterValues,
    private readonly matrixType: MatrixType = 'float32',
    private readonly devices: readonly string[] = [],
  ) {
    this.trainable = definition.parameters.filter((parameter) => parameter.trainable);
    this.parameters = new SharedVariables(definition.parameters);
    this.writeParameters(initial);
  }

  evaluate(inputs: NamedArrays): NamedArrays {
    const types = inputTypesOf(inputs);
    const record = (): Recording => this.record(types, recordEvaluation);
    return outputsOf(this.entryOf(`evaluate ${keyOfTypes(types)}`, () => evaluationEntry(record(), this.parameters)).run(inputs));
  }

  trainStep(inputs: NamedArrays, { learningRate, gradientScale, apply }: UpdateRequest): StepResult {
    const atOnce = apply && gradientScale === 1 && this.pending.size === 0;
    const results = atOnce ? this.update(inputs, learningRate) : this.accumulate(inputs, gradientScale);
    const applied = atOnce ? results : apply && isFiniteStep(results) ? this.applyAccumulated(learningRate) : undefined;
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
    const { key, recording } = this.trainingFor(inputs);
    const results = this.entryOf(`gradients ${key}`, () => gradientsEntry(recording, this.parameters)).run(inputs);
    return new Map([...ofKind('gradient', results)].map(([name, { values }]) => [name, values as Float32Array]));
  }

  readParameters(): ParameterValues {
    return this.parameters.read();
  }

  writeParameters(values: ParameterValues): void {
    for (const { name } of this.definition.parameters) if (!values.has(name)) throw new Error(`no values for the parameter ${name}`);
    this.parameters.write(values);
  }

  readOptimizer(): AdamState {
    const read = (variables: SharedVariables | undefined): ParameterValues =>
      new Map([...(variables?.read() ?? [])].filter(([name]) => this.updated.has(name)));
    return { step: this.step, expAvg: read(this.averages?.expAvg), expAvgSq: read(this.averages?.expAvgSq) };
  }

  writeOptimizer({ step, expAvg, expAvgSq }: AdamState): void {
    this.step = step;
    this.updated = new Set(this.trainable.map(({ name }) => name).filter((name) => expAvg.has(name) && expAvgSq.has(name)));
    const kept = (values: ParameterValues): ParameterValues => new Map([...values].filter(([name]) => this.updated.has(name)));
    const averages = this.updateVariables();
    averages.expAvg.write(kept(expAvg));
    averages.expAvgSq.write(kept(expAvgSq));
  }

  dispose(): void {
    for (const entry of this.entries.values()) entry.dispose();
    this.entries.clear();
    for (const variables of [this.parameters, this.averages?.expAvg, this.averages?.expAvgSq, this.sums]) variables?.dispose();
  }

  /** Gradients and update in one run. */
  private update(inputs: NamedArrays, learningRate: number): Map<string, HostArray> {
    const { key, recording } = this.trainingFor(inputs);
    const entry = this.entryOf(`update ${key}`, () => updateEntry(recording, this.updateVariables(), this.optimizer));
    return this.runUpdate(entry, inputs, { learningRate, names: gradientNames(recording) });
  }

  private accumulate(inputs: NamedArrays, scale: number): Map<string, HostArray> {
    const { key, recording } = this.trainingFor(inputs);
    const entry = this.entryOf(`accumulate ${key}`, () => accumulationEntry(recording, this.parameters, this.gradientSums()));
    const results = entry.run({ ...inputs, [ACCUMULATION_SCALE]: scalarArray(scale) });
    if (isFiniteStep(results)) for (const name of gradientNames(recording)) this.pending.add(name);
    return results;
  }

  private applyAccumulated(learningRate: number): Map<string, HostArray> {
    const names = [...this.pending].sort();
    const entry = this.entryOf(`apply ${JSON.stringify(names)}`, () =>
      applyEntry(names, this.updateVariables(), this.gradientSums(), this.optimizer),
    );
    const results = this.runUpdate(entry, {}, { learningRate, names });
    this.forgetAccumulated();
    return results;
  }

  private forgetAccumulated(): void {
    if (this.pending.size > 0) this.gradientSums().clear();
    this.pending = new Set();
  }

  private runUpdate(
    entry: Entry,
    inputs: NamedArrays,
    { learningRate, names }: { learningRate: number; names: readonly string[] },
  ): Map<string, HostArray> {
    const { rate, epsilon } = fusedRate(this.optimizer, learningRate, this.step + 1);
    const results = entry.run({ ...inputs, [ADAM_RATE]: scalarArray(rate), [ADAM_EPSILON]: scalarArray(epsilon) });
    if (!isFiniteStep(results)) return results;
    this.step++;
    for (const name of names) this.updated.add(name);
    return results;
  }

  private entryOf(key: string, create: () => Entry): Entry {
    const entry = this.entries.get(key) ?? create();
    this.entries.set(key, entry);
    return entry;
  }

  /** The training computation for inputs of these shapes, recorded when first asked for. */
  private trainingFor(inputs: NamedArrays): { key: string; recording: Recording } {
    const types = inputTypesOf(inputs);
    const key = keyOfTypes(types);
    const recording = this.trainings.get(key) ?? this.record(types, recordTraining);
    this.trainings.set(key, recording);
    return { key, recording };
  }

  private record(types: InputTypes, computation: typeof recordTraining): Recording {
    const { division } = this.definition;
    const record = (given: InputTypes): Recording => {
      const recording = computation(this.definition, given);
      return this.matrixType === 'bfloat16' ? withBfloat16Products(recording) : recording;
    };
    return division === undefined ? record(types) : recordDivided(types, { ...division, devices: this.devices }, record);
  }

  private updateVariables(): UpdateVariables {
    this.averages ??= { expAvg: new SharedVariables(this.trainable), expAvgSq: new SharedVariables(this.trainable) };
    return { parameters: this.parameters, ...this.averages };
  }

  private gradientSums(): SharedVariables {
    this.sums ??= new SharedVariables(this.trainable);
    return this.sums;
  }

  private get optimizer(): AdamSettings {
    const settings = this.definition.optimizer;
    if (settings === undefined) throw new Error('this program has no optimizer');
    return settings;
  }
}

function outputsOf(results: ReadonlyMap<string, HostArray>): NamedArrays {
  return Object.fromEntries(ofKind('output', results));
}

/** Whether a training step's numbers were finite; where not, it has changed nothing. */
function isFiniteStep(results: ReadonlyMap<string, HostArray>): boolean {
  return scalarOf(results, FINITE) === 1;
}

function scalarOf(results: ReadonlyMap<string, HostArray>, name: string): number {
  return results.get(name)?.values[0] ?? NaN;
}

function scalarArray(value: number): HostArray {
  return { shape: [], values: Float32Array.of(value) };
}
