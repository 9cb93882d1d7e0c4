import { biasCorrected, clipFactor, type AdamSettings, type AdamState } from './adam';
import { sizeOfShape, type NamedArrays, type NamedTensors } from './named-tensors';
import type { ParameterDeclaration, ParameterValues } from './parameters';
import type { Program, ProgramDefinition, StepResult, UpdateRequest } from './program';
import { inScope } from './scope';
import { tf } from './tensorflow';

/** Runs a program op by op: the plain way, on any backend, and the oracle for every faster one. */
export class EagerProgram implements Program {
  private readonly variables = new Map<string, tf.Variable>();
  private readonly trainable: tf.Variable[] = [];
  private readonly nameOfVariable = new Map<string, string>();
  private readonly expAvg = new Map<string, tf.Tensor>();
  private readonly expAvgSq = new Map<string, tf.Tensor>();
  private readonly accumulated = new Map<string, tf.Tensor>();
  private step = 0;

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
    }
  }

  evaluate(inputs: NamedArrays): NamedArrays {
    return inScope(() => readAll(this.definition.evaluate(this.namedVariables(), toTensors(inputs))));
  }

  trainStep(inputs: NamedArrays, update: UpdateRequest): StepResult {
    const { loss, outputs, gradients, increments } = this.differentiate(inputs);
    this.accumulate(gradients, update.gradientScale);
    const gradientNorm = update.apply ? globalNorm(this.accumulated) : undefined;
    const rate = update.apply ? this.rateOf(update.learningRate) : { rate: 0, epsilon: 0 };
    const finite = [loss, globalNorm(increments), gradientNorm ?? 0, Math.fround(rate.rate)].every(Number.isFinite);
    if (finite) {
      this.addIncrements(increments);
      if (gradientNorm !== undefined) this.applyAccumulated(gradientNorm, rate);
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
      this.variables.get(declaration.name)?.assign(tensor);
      tensor.dispose();
    }
  }

  readOptimizer(): AdamState {
    const read = (tensors: ReadonlyMap<string, tf.Tensor>): ParameterValues =>
      new Map([...tensors].map(([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()]));
    return { step: this.step, expAvg: read(this.expAvg), expAvgSq: read(this.expAvgSq) };
  }

  writeOptimizer(state: AdamState): void {
    disposeAll(this.expAvg);
    disposeAll(this.expAvgSq);
    this.step = state.step;
    for (const { name, shape } of this.definition.parameters) {
      const expAvg = state.expAvg.get(name);
      const expAvgSq = state.expAvgSq.get(name);
      if (expAvg === undefined || expAvgSq === undefined) continue;
      this.expAvg.set(name, tf.tensor(expAvg.slice(), [...shape], 'float32'));
      this.expAvgSq.set(name, tf.tensor(expAvgSq.slice(), [...shape], 'float32'));
    }
  }

  dispose(): void {
    disposeAll(this.variables);
    disposeAll(this.expAvg);
    disposeAll(this.expAvgSq);
    disposeAll(this.accumulated);
  }

  private namedVariables(): NamedTensors {
    return Object.fromEntries(this.variables);
  }

  /** One forward and backward pass. The gradients, and what is to be added to buffers, belong to the caller. */
  private differentiate(inputs: NamedArrays): {
    loss: number;
    outputs: NamedArrays;
    gradients: Map<string, tf.Tensor>;
    increments: Map<string, tf.Tensor>;
  } {
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
      return { loss: value.dataSync()[0] ?? NaN, outputs: passOutputs };
    });
    return { loss, outputs, gradients, increments };
  }

  private addIncrements(increments: ReadonlyMap<string, tf.Tensor>): void {
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

  /** Of the update that comes next. */
  private rateOf(learningRate: number): { rate: number; epsilon: number } {
    return biasCorrected(this.optimizer, learningRate, this.step + 1);
  }

  /** Clips the accumulated gradient and updates every parameter that has one, as `torch.optim.Adam` does. @param norm the gradient's */
  private applyAccumulated(norm: number, rate: { readonly rate: number; readonly epsilon: number }): void {
    const settings = this.optimizer;
    this.step++;
    const factor = clipFactor(norm, settings.clipNorm);
    for (const [name, gradient] of this.accumulated) this.updateParameter(name, gradient, { settings, factor, ...rate });
  }

  private get optimizer(): AdamSettings {
    const settings = this.definition.optimizer;
    if (settings === undefined) throw new Error('this program has no optimizer');
    return settings;
  }

  private updateParameter(
    name: string,
    raw: tf.Tensor,
    by: { settings: AdamSettings; factor: number; rate: number; epsilon: number },
  ): void {
    const variable = this.variables.get(name);
    if (variable === undefined) throw new Error(`no parameter is named ${name}`);
    const { beta1, beta2, weightDecay } = by.settings;
    const before = this.expAvg.get(name);
    const beforeSq = this.expAvgSq.get(name);
    const [expAvg, expAvgSq] = tf.tidy(() => {
      const clipped = by.factor === 1 ? raw : tf.mul(raw, by.factor);
      const gradient = weightDecay === 0 ? clipped : tf.add(clipped, tf.mul(variable, weightDecay));
      const first = movingAverage(before, gradient, beta1);
      const second = movingAverage(beforeSq, tf.square(gradient), beta2);
      variable.assign(tf.sub(variable, tf.div(tf.mul(first, by.rate), tf.add(tf.sqrt(second), by.epsilon))));
      return [first, second];
    });
    before?.dispose();
    beforeSq?.dispose();
    this.expAvg.set(name, expAvg);
    this.expAvgSq.set(name, expAvgSq);
  }
}

function movingAverage(before: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const share = tf.mul(value, 1 - beta);
  return before === undefined ? share : tf.add(tf.mul(before, beta), share);
}

/** The square root of the sum of all squares. */
function globalNorm(gradients: ReadonlyMap<string, tf.Tensor>): number {
  return tf.tidy(() => {
    const squares = [...gradients.values()].map((gradient) => tf.sum(tf.square(gradient)));
    return squares.length === 0 ? 0 : (tf.sqrt(tf.addN(squares)).dataSync()[0] ?? NaN);
  });
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
