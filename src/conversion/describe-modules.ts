/** The tensors of one module at the top of a model. */
export interface ModuleSummary {
  /** The first part of their names, as `gru1`. */
  readonly name: string;
  readonly tensors: number;
  readonly values: number;
  /** What names and shapes tell, as `GRU 2048 → 16`; undefined where they tell nothing. */
  readonly kind: string | undefined;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * What a model is made of, as far as the names and shapes of its tensors tell: recurrent layers by PyTorch's names, Linear layers and stacks of them, the
 * backbone of torchvision's InceptionV3. A model that Kumpas does not know is told apart by it too.
 */
export function describeModules(shapes: Shapes): ModuleSummary[] {
  const modules = new Map<string, Map<string, readonly number[]>>();
  for (const [name, shape] of shapes) {
    const dot = name.indexOf('.');
    const module = dot === -1 ? name : name.slice(0, dot);
    const inner = modules.get(module) ?? new Map<string, readonly number[]>();
    inner.set(dot === -1 ? '' : name.slice(dot + 1), shape);
    modules.set(module, inner);
  }
  return [...modules].map(([name, inner]) => ({
    name,
    tensors: inner.size,
    values: [...inner.values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0),
    kind: kindOf(inner),
  }));
}

/** How many times the hidden size a recurrent layer's weights have rows, by the kind of layer. */
const GATES = [
  ['RNN', 1],
  ['GRU', 3],
  ['LSTM', 4],
] as const;

function kindOf(inner: Shapes): string | undefined {
  return recurrentKind(inner) ?? inceptionKind(inner) ?? attentionKind(inner) ?? linearKind(inner);
}

function recurrentKind(inner: Shapes): string | undefined {
  const [rows, inputs] = inner.get('weight_ih_l0') ?? [];
  const [, hidden] = inner.get('weight_hh_l0') ?? [];
  if (rows === undefined || inputs === undefined || hidden === undefined) return undefined;
  const kind = GATES.find(([, gates]) => rows === gates * hidden)?.[0];
  const both = inner.has('weight_ih_l0_reverse') ? ', in both directions' : '';
  return kind === undefined ? undefined : `${kind} ${inputs} → ${hidden}${both}`;
}

function inceptionKind(inner: Shapes): string | undefined {
  const named = (part: string): boolean => [...inner.keys()].some((name) => name.includes(part));
  if (!named('Mixed_7c.') || !named('Conv2d_1a_3x3.')) return undefined;
  return `InceptionV3 with torchvision's names${named('AuxLogits.') ? ', AuxLogits included' : ''}`;
}

function attentionKind(inner: Shapes): string | undefined {
  const layers = new Set([...inner.keys()].flatMap((name) => /^(?:[a-z_]+\.)?(\d+)\..*(?:attn|attention)/.exec(name)?.[1] ?? []));
  return layers.size === 0 ? undefined : `${layers.size} layers with attention`;
}

/** `Linear 156 → 256`, or of a stack of such layers from the first one's inputs to the last one's outputs. */
function linearKind(inner: Shapes): string | undefined {
  const weights = [...inner].filter(([name, shape]) => /^(?:\d+\.)?weight$/.test(name) && shape.length === 2).map(([, shape]) => shape);
  const [first, last] = [weights[0], weights.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const widths = weights.length === 1 ? [first[1], first[0]] : [first[1], ...weights.map(([outputs]) => outputs)];
  return `Linear ${widths.join(' → ')}`;
}
