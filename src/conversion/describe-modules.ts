import { sizeOfShape } from '../engine/parameters';

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
 * What a model is made of, as far as the names and shapes of its tensors tell: the layers of torch.nn by their own names, stacks of Linear layers, the backbone
 * of torchvision's InceptionV3. A model that Kumpas does not know is told apart by it too.
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
    values: [...inner.values()].reduce((sum, shape) => sum + sizeOfShape(shape), 0),
    kind: kindOf(name, inner),
  }));
}

function kindOf(name: string, inner: Shapes): string | undefined {
  return (
    recurrentKind(inner) ??
    inceptionKind(inner) ??
    transformerKind(inner) ??
    multiheadAttentionKind(inner) ??
    attentionKind(inner) ??
    normKind(inner) ??
    convolutionKind(inner) ??
    tableKind(name, inner) ??
    linearKind(inner)
  );
}

/** How many times the hidden size a recurrent layer's weights have rows, by the kind of layer. */
const GATES = [
  ['RNN', 1],
  ['GRU', 3],
  ['LSTM', 4],
] as const;

/** `LSTM 32 → 20, 2 layers, in both directions`. An LSTM with a projection hands on fewer values than it has units. */
function recurrentKind(inner: Shapes): string | undefined {
  const [rows, inputs] = inner.get('weight_ih_l0') ?? [];
  const [, handedOn] = inner.get('weight_hh_l0') ?? [];
  if (rows === undefined || inputs === undefined || handedOn === undefined) return undefined;
  const hidden = inner.get('weight_hr_l0')?.[1] ?? handedOn;
  const kind = GATES.find(([, gates]) => rows === gates * hidden)?.[0];
  if (kind === undefined) return undefined;
  const layers = [...inner.keys()].filter((name) => /^weight_ih_l\d+$/.test(name)).length;
  return [
    `${kind} ${inputs} → ${hidden}`,
    ...(hidden === handedOn ? [] : [`projected to ${handedOn}`]),
    ...(layers === 1 ? [] : [`${layers} layers`]),
    ...(inner.has('weight_ih_l0_reverse') ? ['in both directions'] : []),
  ].join(', ');
}

function inceptionKind(inner: Shapes): string | undefined {
  const named = (part: string): boolean => [...inner.keys()].some((name) => name.includes(part));
  if (!named('Mixed_7c.') || !named('Conv2d_1a_3x3.')) return undefined;
  return `InceptionV3 with torchvision's names${named('AuxLogits.') ? ', AuxLogits included' : ''}`;
}

/** `nn.Transformer`, its encoder and decoder, or a layer of one. How many heads it has is in no shape. */
function transformerKind(inner: Shapes): string | undefined {
  const both = ['encoder.', 'decoder.'].map((half) => layersOf(inner, `${half}layers.`));
  if (both.every((count) => count > 0)) return `Transformer, ${both.join(' + ')} layers${widthsOf(inner, 'encoder.layers.0.')}`;
  const layers = layersOf(inner, 'layers.');
  if (layers === 0 && !inner.has('self_attn.in_proj_weight')) return undefined;
  const first = layers === 0 ? '' : 'layers.0.';
  const half = inner.has(`${first}multihead_attn.in_proj_weight`) ? 'Decoder' : 'Encoder';
  return layers === 0
    ? `Transformer${half}Layer${widthsOf(inner, '')}`
    : `Transformer${half}, ${layers} ${layers === 1 ? 'layer' : 'layers'}${widthsOf(inner, first)}`;
}

function layersOf(inner: Shapes, prefix: string): number {
  return [...inner.keys()].filter((name) => /^\d+\.self_attn\.in_proj_weight$/.test(name.slice(prefix.length)) && name.startsWith(prefix))
    .length;
}

function widthsOf(inner: Shapes, layer: string): string {
  const [, width] = inner.get(`${layer}self_attn.in_proj_weight`) ?? [];
  const [feedForward] = inner.get(`${layer}linear1.weight`) ?? [];
  if (width === undefined) return '';
  return ` of width ${width}${feedForward === undefined ? '' : `, feed-forward ${feedForward}`}`;
}

/** Its inputs have one projection in all, or one each where keys and values are of other widths. */
function multiheadAttentionKind(inner: Shapes): string | undefined {
  const [width] = inner.get('out_proj.weight') ?? [];
  if (width === undefined) return undefined;
  if (inner.has('in_proj_weight')) return `MultiheadAttention of width ${width}`;
  const [, keys] = inner.get('k_proj_weight') ?? [];
  const [, values] = inner.get('v_proj_weight') ?? [];
  return keys === undefined || values === undefined
    ? undefined
    : `MultiheadAttention of width ${width}, keys of ${keys} and values of ${values}`;
}

function attentionKind(inner: Shapes): string | undefined {
  const layers = new Set([...inner.keys()].flatMap((name) => /^(?:[a-z_]+\.)?(\d+)\..*(?:attn|attention)/.exec(name)?.[1] ?? []));
  return layers.size === 0 ? undefined : `${layers.size} layers with attention`;
}

/** A norm has a factor and a shift for each place; a BatchNorm running statistics too. */
function normKind(inner: Shapes): string | undefined {
  const factor = inner.get('weight') ?? inner.get('gamma');
  const [width] = factor ?? [];
  if (width === undefined || factor?.length !== 1 || !(inner.has('bias') || inner.has('beta'))) return undefined;
  return inner.has('running_mean') ? `BatchNorm of ${width}` : `LayerNorm of ${width}, or another norm`;
}

/** `Conv1d 32 → 64, kernel 3`. */
function convolutionKind(inner: Shapes): string | undefined {
  const [outputs, inputs, ...kernel] = inner.get('weight') ?? [];
  if (outputs === undefined || inputs === undefined || kernel.length < 1 || kernel.length > 3) return undefined;
  return `Conv${kernel.length}d ${inputs} → ${outputs}, kernel ${kernel.join(' × ')}`;
}

/** A matrix without a bias: an Embedding by its name, else it may be either. */
function tableKind(name: string, inner: Shapes): string | undefined {
  const [rows, width] = inner.get('weight') ?? [];
  if (inner.size !== 1 || rows === undefined || width === undefined) return undefined;
  const embedding = `Embedding of ${rows} × ${width}`;
  return /emb|tok/i.test(name) ? embedding : `Linear ${width} → ${rows} without bias, or ${embedding}`;
}

/** `Linear 156 → 256`, or of a stack of such layers from the first one's inputs to the last one's outputs. */
function linearKind(inner: Shapes): string | undefined {
  const weights = [...inner].filter(([name, shape]) => /^(?:\d+\.)?weight$/.test(name) && shape.length === 2).map(([, shape]) => shape);
  const [first, last] = [weights[0], weights.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const widths = weights.length === 1 ? [first[1], first[0]] : [first[1], ...weights.map(([outputs]) => outputs)];
  return `Linear ${widths.join(' → ')}`;
}
