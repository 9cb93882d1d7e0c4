import { elementAt, required } from '../../foundation/required';
import { addClipFactor, addGlobalNorm, addMagnitude } from '../optimizers/optimizer';
import type { UpdateGroups } from '../optimizers/parameter-groups';
import { addMovedAverage } from '../optimizers/weight-average';
import { type Entry, EntryDraft } from './entry';
import { type GraphWriter, type NodeOutput, runsAfter } from './graph-writer';
import { LOSS, nameOfKind, ofKind } from './recorded-program';
import { type Attributes, DataType, type Recording, typeOf } from './recording';
import type { SharedVariables, VariableNodes } from './shared-variables';

/** A scalar input that an accumulation takes beside the program's own. */
export const ACCUMULATION_SCALE = 'accumulation scale';

/** The scalar input that an update takes for one of the optimiser's scalars. @param group of parameters, from 0. */
export function optimizerInput(scalar: string, group: number): string {
  return `optimizer ${scalar} ${group}`;
}

/** The scalar input of an update that says how far the average of the parameters moves, where one is kept. */
export const AVERAGE_SHARE = 'average share';

/** The name of the gradient's global norm among the results of an update. */
export const GRADIENT_NORM = 'gradient norm';

/** The name of the scalar among the results of a training step that is 1 where all was finite, and 0 where it was not and nothing was changed. */
export const FINITE = 'finite';

/** What the names of a recording's nodes begin with in a graph. */
export const RECORDED = 'step';

/** The variables of an update. */
export interface UpdateVariables {
  readonly parameters: SharedVariables;
  /** The optimiser's, by slot. */
  readonly slots: ReadonlyMap<string, SharedVariables>;
  /** The average of the trained parameters, where one is kept. */
  readonly average: SharedVariables | undefined;
}

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };
const ofVariable: Attributes = { dtype: { kind: 'type', value: DataType.float32 } };

/** A parameter's gradient, and the node that read the parameter for it: the update waits for that. */
interface GradientNodes {
  readonly gradient: NodeOutput;
  readonly parameter: NodeOutput;
}

/** The nodes of the variables that an update reads and writes. */
interface UpdateVariableNodes {
  readonly parameters: VariableNodes;
  /** The optimiser's, by slot. */
  readonly slots: ReadonlyMap<string, VariableNodes>;
  readonly average: VariableNodes | undefined;
}

/** How gradients become updates. */
export interface UpdateRule {
  readonly groups: UpdateGroups;
  readonly clipNorm: number | undefined;
  /** The parameters whose gradients the norm does not count and that are not clipped. */
  readonly unclipped: ReadonlySet<string>;
}

/** Runs `evaluate`. */
export function evaluationEntry(recording: Recording, parameters: SharedVariables): Entry {
  const draft = new EntryDraft();
  const { results } = addProgram(draft, recording, draft.addVariables(parameters));
  draft.fetch(results);
  return draft.finish(parameters.session);
}

/** Gives the gradients and changes nothing. */
export function gradientsEntry(recording: Recording, parameters: SharedVariables): Entry {
  const draft = new EntryDraft();
  const { results } = addProgram(draft, recording, draft.addVariables(parameters));
  draft.fetch([...ofKind('gradient', results)].map(([name, node]) => [nameOfKind('gradient', name), node]));
  return draft.finish(parameters.session);
}

/** Computes the gradients and updates the parameters with them, where all of it is finite. */
export function updateEntry(recording: Recording, variables: UpdateVariables, rule: UpdateRule): Entry {
  const draft = new EntryDraft();
  const nodes = addUpdateVariables(draft, variables);
  const { results, reads } = addProgram(draft, recording, nodes.parameters);
  draft.fetch(lossAndOutputs(results));
  const gradients = gradientNodes(results, reads);
  const { norm, updates, gate } = addGatedUpdates(draft, rule, nodes, gradients, lossAndIncrements(draft, results));
  const increments = addIncrements(draft.graph, nodes.parameters, results, reads, gate);
  draft.fetch([
    [GRADIENT_NORM, norm],
    [FINITE, gate.addVerdict([...updates, ...increments])],
  ]);
  return draft.finish(variables.parameters.session);
}

/** Computes the gradients and adds them, times a scale, to their sums, where the loss is finite. */
export function accumulationEntry(recording: Recording, parameters: SharedVariables, sums: SharedVariables): Entry {
  const draft = new EntryDraft();
  const parameterNodes = draft.addVariables(parameters);
  const { results, reads } = addProgram(draft, recording, parameterNodes);
  draft.fetch(lossAndOutputs(results));
  const gate = new FiniteGate(draft.graph, lossAndIncrements(draft, results));
  const increments = addIncrements(draft.graph, parameterNodes, results, reads, gate);
  const added = addAccumulation(draft.graph, {
    sums: draft.addVariables(sums),
    gradients: gradientNodes(results, reads),
    scale: draft.addScalarInput(ACCUMULATION_SCALE),
    gate,
  });
  draft.fetch([[FINITE, gate.addVerdict([...added, ...increments])]]);
  return draft.finish(parameters.session);
}

/** Updates the named parameters with their summed gradients, where these are finite. */
export function applyEntry(names: readonly string[], variables: UpdateVariables, summed: SharedVariables, rule: UpdateRule): Entry {
  const draft = new EntryDraft();
  const nodes = addUpdateVariables(draft, variables);
  const gradients = addSumReads(draft.addVariables(summed), nodes.parameters, names);
  const { norm, updates, gate } = addGatedUpdates(draft, rule, nodes, gradients, []);
  draft.fetch([
    [GRADIENT_NORM, norm],
    [FINITE, gate.addVerdict(updates)],
  ]);
  return draft.finish(variables.parameters.session);
}

/** Writes a program's recording: its inputs are the graph's, its parameters are read of their variables. Returns the nodes of its results, and those reads. */
function addProgram(
  draft: EntryDraft,
  recording: Recording,
  parameters: VariableNodes,
): { results: Map<string, NodeOutput>; reads: Map<string, NodeOutput> } {
  const inputs = [...ofKind('input', recording.given)].map(
    ([name, value]) => [nameOfKind('input', name), draft.addInput(name, typeOf(recording.types, value))] as const,
  );
  const reads = new Map([...ofKind('parameter', recording.given).keys()].map((name) => [name, parameters.addRead(name)]));
  const nodes = new Map([...inputs, ...[...reads].map(([name, node]) => [nameOfKind('parameter', name), node] as const)]);
  return { results: draft.graph.addRecording(RECORDED, recording, nodes), reads };
}

/** The parameters that a recording computes gradients of. */
export function gradientNames(recording: Recording): string[] {
  return [...ofKind('gradient', recording.results).keys()];
}

function addUpdateVariables(draft: EntryDraft, { parameters, slots, average }: UpdateVariables): UpdateVariableNodes {
  return {
    parameters: draft.addVariables(parameters),
    slots: new Map([...slots].map(([slot, variables]) => [slot, draft.addVariables(variables)])),
    average: average && draft.addVariables(average),
  };
}

/** Writes the updates behind a gate that watches the gradients' norm, the optimiser's scalars, and others. @param watched the others. */
function addGatedUpdates(
  draft: EntryDraft,
  rule: UpdateRule,
  variables: UpdateVariableNodes,
  gradients: ReadonlyMap<string, GradientNodes>,
  watched: readonly NodeOutput[],
): { norm: NodeOutput; updates: NodeOutput[]; gate: FiniteGate } {
  const { graph } = draft;
  const { groups, unclipped } = rule;
  const gradientsOf = (isUnclipped: boolean): NodeOutput[] =>
    [...gradients].flatMap(([name, { gradient }]) => (unclipped.has(name) === isUnclipped ? [gradient] : []));
  const norm = addGlobalNorm(graph, gradientsOf(false));
  const magnitude = addMagnitude(graph, gradientsOf(true));
  const scalars = groups
    .scalars(0, 1, true)
    .map((ofGroup, group) => new Map(Object.keys(ofGroup).map((name) => [name, draft.addScalarInput(optimizerInput(name, group))])));
  const ofOthers = magnitude === undefined ? [] : [magnitude];
  const gate = new FiniteGate(graph, [norm, ...scalars.flatMap((ofGroup) => [...ofGroup.values()]), ...watched, ...ofOthers]);
  const updates = addUpdates(graph, rule, { variables, gradients, norm, scalars, gate });
  const { parameters, average } = variables;
  if (average === undefined) return { norm, gate, updates: [...updates.values()] };
  const share = gate.letThrough(draft.addScalarInput(AVERAGE_SHARE));
  const averaged = new Set(average.names);
  const unaveraged = [...updates].flatMap(([name, update]) => (averaged.has(name) ? [] : [update]));
  return { norm, gate, updates: [...addAverage(graph, { average, parameters, updates, share }), ...unaveraged] };
}

/**
 * Writes the moving of an average, of each parameter once it is updated.
 * @param given.updates the nodes that update, by parameter; one that is not updated counts as it is.
 * @returns the nodes that move.
 */
function addAverage(
  graph: GraphWriter,
  given: {
    readonly average: VariableNodes;
    readonly parameters: VariableNodes;
    readonly updates: ReadonlyMap<string, NodeOutput>;
    readonly share: NodeOutput;
  },
): NodeOutput[] {
  const { average, parameters, updates, share } = given;
  return [...average.names].map((name) => {
    const update = updates.get(name);
    const parameter = parameters.addRead(name, update === undefined ? [] : [update]);
    return addMovedAverage(graph, { variable: average.handleOf(name), average: average.addRead(name), parameter, share });
  });
}

function gradientNodes(results: ReadonlyMap<string, NodeOutput>, reads: ReadonlyMap<string, NodeOutput>): Map<string, GradientNodes> {
  return new Map(
    [...ofKind('gradient', results)].map(([name, gradient]) => [
      name,
      { gradient, parameter: required(reads.get(name), `the read of ${name}`) },
    ]),
  );
}

/** Scalars that are finite where the loss is, and all that is to be added to buffers. */
function lossAndIncrements(draft: EntryDraft, results: ReadonlyMap<string, NodeOutput>): NodeOutput[] {
  const loss = required(results.get(LOSS), 'the loss of a training step');
  const magnitude = addMagnitude(draft.graph, [...ofKind('increment', results).values()]);
  return magnitude === undefined ? [loss] : [loss, magnitude];
}

function lossAndOutputs(results: ReadonlyMap<string, NodeOutput>): [string, NodeOutput][] {
  return [...results].filter(([name]) => name === LOSS || name.startsWith(nameOfKind('output', '')));
}

/**
 * Writes the update of every parameter that has a gradient, clipped where a norm is given to clip to.
 * @param given.norm the gradients' global norm.
 * @param given.scalars the optimiser's, by group, then by name.
 * @param given.gate which lets gradients and scalars through, or nothing is updated.
 * @returns the nodes that update, by parameter.
 */
function addUpdates(
  graph: GraphWriter,
  { groups, clipNorm, unclipped }: UpdateRule,
  given: {
    readonly variables: UpdateVariableNodes;
    readonly gradients: ReadonlyMap<string, GradientNodes>;
    readonly norm: NodeOutput;
    readonly scalars: readonly ReadonlyMap<string, NodeOutput>[];
    readonly gate: FiniteGate;
  },
): Map<string, NodeOutput> {
  const { variables, gradients, norm, gate } = given;
  const factor = clipNorm === undefined ? undefined : addClipFactor(graph, norm, clipNorm);
  const scalars = given.scalars.map((ofGroup) => Object.fromEntries([...ofGroup].map(([name, scalar]) => [name, gate.letThrough(scalar)])));
  const updateOf = ([name, { gradient, parameter }]: [string, GradientNodes]): NodeOutput => {
    const finite = gate.letThrough(gradient);
    const { group, optimizer } = groups.of(name);
    return optimizer.addUpdate(graph, {
      name,
      variable: variables.parameters.handleOf(name),
      value: parameter,
      gradient: factor === undefined || unclipped.has(name) ? finite : graph.addNode('clip/Mul', 'Mul', [finite, factor], float32),
      slots: Object.fromEntries([...variables.slots].map(([slot, nodes]) => [slot, nodes.handleOf(name)])),
      scalars: elementAt(scalars, group),
    });
  };
  return new Map([...gradients].map((entry) => [entry[0], updateOf(entry)]));
}

/**
 * Writes the adding of gradients, each times a scale, to variables that hold their sums.
 * @param given.gate which lets the gradients through, or nothing is added.
 * @returns the nodes that add.
 */
function addAccumulation(
  graph: GraphWriter,
  {
    sums,
    gradients,
    scale,
    gate,
  }: { sums: VariableNodes; gradients: ReadonlyMap<string, GradientNodes>; scale: NodeOutput; gate: FiniteGate },
): NodeOutput[] {
  return [...gradients].map(([name, { gradient }]) => {
    const scaled = graph.addNode(`scaled/${name}`, 'Mul', [gate.letThrough(gradient), scale], float32);
    return graph.addNode(`added/${name}`, 'AssignAddVariableOp', [sums.handleOf(name), scaled], ofVariable);
  });
}

/** Writes the reading of summed gradients, for an update. */
function addSumReads(sums: VariableNodes, parameters: VariableNodes, names: readonly string[]): Map<string, GradientNodes> {
  return new Map(names.map((name) => [name, { gradient: sums.addRead(name), parameter: parameters.addRead(name) }]));
}

/**
 * Writes the adding of a recording's increments to the variables that they belong to, each once it has been read.
 * @param gate which lets them through, or nothing is added.
 * @returns the nodes that add.
 */
function addIncrements(
  graph: GraphWriter,
  parameters: VariableNodes,
  results: ReadonlyMap<string, NodeOutput>,
  reads: ReadonlyMap<string, NodeOutput>,
  gate: FiniteGate,
): NodeOutput[] {
  return [...ofKind('increment', results)].map(([name, amount]) => {
    const read = reads.get(name);
    const inputs = [parameters.handleOf(name), gate.letThrough(amount), ...(read === undefined ? [] : [runsAfter(read)])];
    return graph.addNode(`moved/${name}`, 'AssignAddVariableOp', inputs, ofVariable);
  });
}

/**
 * Lets a part of a graph run only where some scalars are finite: what takes a value that was let through, and changes variables with it, changes them in a
 * step of finite numbers and does nothing at all in any other. (TensorFlow's Switch: behind its closed side nodes are not run.)
 */
class FiniteGate {
  private readonly open: NodeOutput;

  /** @param scalars float32, at least one. */
  constructor(
    private readonly graph: GraphWriter,
    scalars: readonly NodeOutput[],
  ) {
    const [first, ...others] = scalars.map((scalar) => graph.addNode('gate/IsFinite', 'IsFinite', [scalar], float32));
    if (first === undefined) throw new Error('a gate needs at least one scalar to watch');
    this.open = others.reduce((all, one) => graph.addNode('gate/LogicalAnd', 'LogicalAnd', [all, one], {}), first);
  }

  /** The value, where the gate is open. */
  letThrough(value: NodeOutput): NodeOutput {
    return `${this.addSwitch(value)}:1`;
  }

  /** A scalar to fetch: 1 once the nodes behind the gate have run, 0 where it was closed and they did not. */
  addVerdict(behind: readonly NodeOutput[]): NodeOutput {
    const { graph } = this;
    const done = graph.addNode('gate/done', 'Identity', [this.letThrough(graph.addScalar(1)), ...behind.map(runsAfter)], float32);
    const refused = this.addSwitch(graph.addScalar(0));
    return graph.addNode('gate/Merge', 'Merge', [done, refused], { ...float32, N: { kind: 'int', value: 2 } });
  }

  private addSwitch(value: NodeOutput): NodeOutput {
    return this.graph.addNode('gate/Switch', 'Switch', [value, this.open], float32);
  }
}
