import { elementAt, required } from '../foundation/required';
import type { OptimizerState } from '../foundation/optimizer-state';
import {
  averagedParameters,
  sizeOfShape,
  tensorNamed,
  type Held,
  type NamedArrays,
  type NamedTensors,
  type ParameterDeclaration,
  type ParameterValues,
} from './parameters';
import { clipFactor, globalNorm, type Optimizer } from './optimizers/optimizer';
import { UpdateGroups } from './optimizers/parameter-groups';
import { movedAverage, type AverageState } from './optimizers/weight-average';
import { asOutOfMemory, OutOfMemory } from './out-of-memory';
import type { Program, ProgramDefinition, ProgramState, StepResult, UpdateRequest } from './program';
import { inScope, tf } from './tensorflow';

/** What a forward and backward pass gives. */
interface Pass {
  readonly loss: number;
  readonly outputs: NamedArrays;
  readonly gradients: Map<string, tf.Tensor>;
  readonly increments: Map<string, tf.Tensor>;
}

/** Runs a program op by op: the plain way, on any backend, and the oracle for every faster one. */
export class EagerProgram implements Program {
  private readonly variables = new Map<string, tf.Variable>();
  private readonly trainable: tf.Variable[] = [];
  private readonly nameOfVariable = new Map<string, string>();
  /** The parameters that are the training's and not the model's. */
  private readonly unclipped = new Set<string>();
  /** What the optimiser remembers, by parameter, then by slot. */
  private readonly slots = new Map<string, Readonly<Record<string, tf.Tensor>>>();
  private readonly accumulated = new Map<string, tf.Tensor>();
  private step = 0;
  private groups: UpdateGroups | undefined;
  /** Whether steps add to buffers, each as soon as its pass is done. */
  private addsToBuffers = false;
  /** By parameter; empty where no average is kept. */
  private readonly average = new Map<string, tf.Tensor>();
  /** Updates that the average has followed. */
  private averaged = 0;

  constructor(
    private readonly definition: ProgramDefinition,
    initial: ParameterValues,
  ) {
    for (const declaration of definition.parameters) {
      const values = valuesOf(initial, declaration);
      const variable = tf.tidy(() => tf.variable(tf.tensor(values.slice(), [...declaration.shape], 'float32'), declaration.trainable));
      this.variables.set(declaration.name, variable);
      this.nameOfVariable.set(variable.name, declaration.name);
      if (declaration.trainable) this.trainable.push(variable);
      if (declaration.ofTraining === true) this.unclipped.add(declaration.name);
    }
    if (definition.average !== undefined) this.writeAverage({ updates: 0, values: initial });
  }

  evaluate(inputs: NamedArrays): NamedArrays {
    try {
      return inScope(() => readAll(this.definition.evaluate(this.namedVariables(), toTensors(inputs))));
    } catch (error) {
      throw asOutOfMemory(error, () => true);
    }
  }

  async evaluateLater(inputs: NamedArrays): Promise<NamedArrays> {
    return Promise.resolve(this.evaluate(inputs));
  }

  async trainStepLater(inputs: NamedArrays, update: UpdateRequest): Promise<StepResult> {
    return Promise.resolve(this.trainStep(inputs, update));
  }

  trainStep(inputs: NamedArrays, update: UpdateRequest): StepResult {
    let computed = false;
    try {
      const pass = this.differentiate(inputs);
      this.accumulate(pass.gradients, update.gradientScale);
      computed = true;
      return this.endStep(pass, update);
    } catch (error) {
      const refused = asOutOfMemory(error, () => !computed && !this.addsToBuffers);
      if (refused instanceof OutOfMemory) disposeAll(this.accumulated); // Some of the sums have this step's gradients, others do not.
      throw refused;
    }
  }

  /** Updates the parameters where that is asked for, and all is finite. */
  private endStep({ loss, outputs, increments }: Omit<Pass, 'gradients'>, update: UpdateRequest): StepResult {
    const [ofModel, others] = [this.accumulatedOf(true), this.accumulatedOf(false)];
    const gradientNorm = update.apply ? globalNorm(ofModel) : undefined;
    const scalars = update.apply ? this.updateGroups().scalars(update.learningRate, this.step + 1, false) : [];
    const stepSizes = scalars.flatMap((ofGroup) => Object.values(ofGroup)).map(Math.fround);
    const numbers = [loss, globalNorm(increments.values()), gradientNorm ?? 0, update.apply ? globalNorm(others) : 0, ...stepSizes];
    const finite = numbers.every(Number.isFinite);
    if (finite) {
      this.addIncrements(increments);
      if (gradientNorm !== undefined) this.applyAccumulated(gradientNorm, scalars);
    }
    if (update.apply || !finite) disposeAll(this.accumulated);
    disposeAll(increments);
    return { loss, outputs, gradientNorm, finite };
  }

  gradients(inputs: NamedArrays): ParameterValues {
    const { gradients, increments } = this.differentiate(inputs);
    disposeAll(increments);
    const values = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) {
      values.set(name, gradient.dataSync<'float32'>());
      gradient.dispose();
    }
    return values;
  }

  readParameters(): ParameterValues {
    return new Map([...this.variables].map(([name, variable]) => [name, variable.dataSync<'float32'>().slice()]));
  }

  writeParameters(values: ParameterValues): void {
    for (const declaration of this.definition.parameters) {
      const tensor = tf.tensor(valuesOf(values, declaration).slice(), [...declaration.shape], 'float32');
      required(this.variables.get(declaration.name), `the parameter ${declaration.name}`).assign(tensor);
      tensor.dispose();
    }
  }

  readOptimizer(): OptimizerState {
    const { slots, form } = this.optimizer;
    const valuesOfSlot = (slot: string): ParameterValues =>
      new Map([...this.slots].map(([name, tensors]) => [name, tensorNamed(tensors, slot).dataSync<'float32'>().slice()]));
    return { step: form.countsSteps ? this.step : undefined, slots: new Map(slots.map((slot) => [slot, valuesOfSlot(slot)])) };
  }

  writeOptimizer(state: OptimizerState): void {
    const { slots } = this.optimizer;
    this.forgetSlots();
    this.step = state.step ?? 0;
    for (const { name, shape } of this.definition.parameters) {
      const known = slots.flatMap((slot) => {
        const values = state.slots.get(slot)?.get(name);
        return values === undefined ? [] : [[slot, values] as const];
      });
      if (known.length < slots.length) continue;
      const tensors = known.map(([slot, values]) => [slot, tf.tensor(values.slice(), [...shape], 'float32')] as const);
      this.slots.set(name, Object.fromEntries(tensors));
    }
  }

  readAverage(): AverageState | undefined {
    if (this.definition.average === undefined) return undefined;
    return {
      updates: this.averaged,
      values: new Map([...this.average].map(([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()])),
    };
  }

  writeAverage({ updates, values }: AverageState): void {
    if (this.definition.average === undefined) throw new Error('this program keeps no average of its parameters');
    disposeAll(this.average);
    for (const declaration of averagedParameters(this.definition.parameters)) {
      this.average.set(declaration.name, tf.tensor(valuesOf(values, declaration).slice(), [...declaration.shape], 'float32'));
    }
    this.averaged = updates;
  }

  hold(): Held<ProgramState> {
    const state = {
      parameters: this.readParameters(),
      optimizer: this.readOptimizer(),
      average: this.readAverage(),
    };
    const arrays = [state.parameters, ...state.optimizer.slots.values(), state.average?.values ?? []];
    return {
      *read() {
        for (const values of arrays) for (const [, array] of values) yield array;
        return state;
      },
      release: () => undefined,
    };
  }

  dispose(): void {
    disposeAll(this.variables);
    disposeAll(this.average);
    this.forgetSlots();
    disposeAll(this.accumulated);
  }

  private forgetSlots(): void {
    for (const tensors of this.slots.values()) tf.dispose({ ...tensors });
    this.slots.clear();
  }

  private namedVariables(): NamedTensors {
    return Object.fromEntries(this.variables);
  }

  /** One forward and backward pass. The gradients, and what is to be added to buffers, belong to the caller. */
  private differentiate(inputs: NamedArrays): Pass {
    const train = this.definition.train;
    if (train === undefined) throw new Error('this program has no training computation');
    const gradients = new Map<string, tf.Tensor>();
    const increments = new Map<string, tf.Tensor>();
    const { loss, outputs } = inScope(() => {
      const tensors = toTensors(inputs);
      let passOutputs: NamedArrays = {};
      const { value, grads } = tf.variableGrads(() => {
        const { loss: scalar, outputs: named, increments: added = {} } = train(this.namedVariables(), tensors);
        passOutputs = readAll(named);
        for (const [name, amount] of Object.entries(added)) increments.set(name, tf.keep(amount));
        return scalar.asScalar();
      }, this.trainable);
      for (const [variableName, gradient] of Object.entries(grads)) {
        const name = this.nameOfVariable.get(variableName);
        if (name !== undefined) gradients.set(name, tf.keep(gradient));
      }
      return { loss: elementAt(value.dataSync(), 0), outputs: passOutputs };
    });
    return { loss, outputs, gradients, increments };
  }

  private addIncrements(increments: ReadonlyMap<string, tf.Tensor>): void {
    this.addsToBuffers ||= increments.size > 0;
    for (const [name, amount] of increments) {
      const variable = this.variables.get(name);
      if (variable === undefined) throw new Error(`no parameter is named ${name}`);
      tf.tidy(() => {
        variable.assign(tf.add(variable, amount));
      });
    }
  }

  private accumulate(gradients: ReadonlyMap<string, tf.Tensor>, scale: number): void {
    for (const [name, gradient] of gradients) {
      const before = this.accumulated.get(name);
      const sum = tf.tidy(() => {
        const scaled = scale === 1 ? gradient.clone() : tf.mul(gradient, scale);
        return before === undefined ? scaled : tf.add(before, scaled);
      });
      gradient.dispose();
      before?.dispose();
      this.accumulated.set(name, sum);
    }
  }

  /** The gathered gradients of the model's parameters, or of those that are the training's. */
  private accumulatedOf(model: boolean): tf.Tensor[] {
    return [...this.accumulated].flatMap(([name, gradient]) => (this.unclipped.has(name) === model ? [] : [gradient]));
  }

  /** Clips the accumulated gradient and updates every parameter that has one. @param norm the gradient's. @param scalars the optimiser's, by group. */
  private applyAccumulated(norm: number, scalars: readonly Readonly<Record<string, number>>[]): void {
    this.step++;
    const factor = clipFactor(norm, this.definition.clipNorm);
    for (const [name, gradient] of this.accumulated) {
      const factorOfOne = this.unclipped.has(name) ? 1 : factor;
      this.updateParameter(name, gradient, factorOfOne, elementAt(scalars, this.updateGroups().of(name).group));
    }
    this.moveAverage();
  }

  private moveAverage(): void {
    this.averaged++;
    const share = this.definition.average?.shareAt(this.averaged);
    if (share === undefined) return;
    for (const [name, before] of this.average) {
      const parameter = required(this.variables.get(name), `the parameter ${name}`);
      this.average.set(
        name,
        tf.tidy(() => movedAverage(before, parameter, share)),
      );
      before.dispose();
    }
  }

  private updateParameter(name: string, gradient: tf.Tensor, factor: number, scalars: Readonly<Record<string, number>>): void {
    const variable = this.variables.get(name);
    if (variable === undefined) throw new Error(`no parameter is named ${name}`);
    const before = this.slots.get(name);
    const after = tf.tidy(() => {
      const clipped = factor === 1 ? gradient : tf.mul(gradient, factor);
      const { parameter, slots } = this.updateGroups()
        .of(name)
        .optimizer.update({ parameter: variable, gradient: clipped, slots: before, scalars });
      variable.assign(parameter);
      return { ...slots };
    });
    tf.dispose({ ...before });
    this.slots.set(name, after);
  }

  private updateGroups(): UpdateGroups {
    this.groups ??= new UpdateGroups(this.optimizer, this.definition.parameterGroups);
    return this.groups;
  }

  private get optimizer(): Optimizer {
    const { optimizer } = this.definition;
    if (optimizer === undefined) throw new Error('this program has no optimizer');
    return optimizer;
  }
}

function toTensors(inputs: NamedArrays): NamedTensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, values }]) => [
      name,
      tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  );
}

function readAll(tensors: NamedTensors): NamedArrays {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { shape: tensor.shape, values: tensor.dataSync() as Float32Array | Int32Array },
    ]),
  );
}

function valuesOf(values: ParameterValues, { name, shape }: ParameterDeclaration): Float32Array {
  const found = values.get(name);
  if (found === undefined) throw new Error(`no values for the parameter ${name}`);
  if (found.length !== sizeOfShape(shape))
    throw new Error(`${name}: expected ${sizeOfShape(shape)} values (${shape.join(' × ')}), found ${found.length}`);
  return found;
}

function disposeAll(tensors: Map<string, tf.Tensor>): void {
  for (const tensor of tensors.values()) tensor.dispose();
  tensors.clear();
}
