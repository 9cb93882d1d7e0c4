import type { PythonName } from './python-values';

/**
 * What to say of a name that no checkpoint of plain data and tensors needs: what it shows that the file is, as far as that is known, and how to save it otherwise.
 * @param instance whether an object of a class of this name is made next.
 */
export function refusalOf({ full, name }: PythonName, instance: boolean): string {
  const known = KNOWN.find(({ names }) => names.test(full))?.says;
  if (known !== undefined) return `${known} Nothing was run.`;
  if (instance || isOfModules(full))
    return `it holds a whole pickled object of the class ${full}, not just data. In Python, save the weights alone: torch.save(model.state_dict(), 'weights.pt'); where it was among settings, save them as plain values, as vars(args).`;
  if (/^[A-Z]/.test(name) && !RUNS.test(full))
    return `it holds an object of the class ${full}, which is read nowhere but in Python: a whole module, or settings of a class of their own. Nothing was run. In Python, save the weights alone: torch.save(model.state_dict(), 'weights.pt'); or settings as a dict of plain values.`;
  return `it is refused: it mentions ${full}, which no checkpoint of plain data and tensors needs and which in Python could run a program. Nothing was run.`;
}

/** Layers of PyTorch and its relatives: what is there is a module as it was. */
function isOfModules(full: string): boolean {
  return /^(?:torch\.nn\.(?:modules|parallel|utils)|torchvision\.models|timm\.models|transformers\.models|torch\._dynamo\.eval_frame)\./.test(
    full,
  );
}

/** Modules that run programs or open files, whatever is named in them. */
const RUNS =
  /^(?:os|posix|nt|sys|subprocess|shutil|builtins|__builtin__|importlib|runpy|socket|ctypes|pickle|_pickle|marshal|types|code|codeop|pty|multiprocessing|webbrowser|asyncio|platform|tempfile|threading|functools|operator)\./;

const SAVE_PLAIN = "In Python, save plain tensors: torch.save({name: tensor%s for name, tensor in state_dict.items()}, 'weights.pt').";

const KNOWN: readonly { readonly names: RegExp; readonly says: string }[] = [
  {
    names: /^torch\._utils\._rebuild_qtensor$/,
    says: "it holds quantised tensors, which no model of Kumpas computes with: save the model as it was before it was quantised, or, in Python, torch.save({name: value.dequantize() for name, value in state_dict.items()}, 'weights.pt') where all are tensors.",
  },
  {
    names: /^torch\.(?:ao\.nn|nn)\.(?:quantized|quantizable|qat|intrinsic)/,
    says: 'it holds modules of a quantised model: save the state_dict of the model as it was before it was quantised.',
  },
  {
    names: /^torch\._utils\._rebuild_sparse/,
    says: `it holds sparse tensors. ${SAVE_PLAIN.replace('%s', '.to_dense()')}`,
  },
  {
    names: /^torch\._utils\._rebuild_(?:meta_tensor|nested_tensor|wrapper_subclass|device_tensor|xla_tensor)|^torch\._tensor\._rebuild/,
    says: `it holds tensors of a special kind, without plain values in the file. ${SAVE_PLAIN.replace('%s', '.cpu()')}`,
  },
  {
    names: /^torch\.distributed\./,
    says: 'it holds one part of a model that was saved in parts (DTensor or ShardedTensor). In Python, gather the whole state_dict, as torch.distributed.checkpoint.state_dict.get_model_state_dict does with full_state_dict, and save it with torch.save.',
  },
  {
    names: /^torch\.storage\._load_from_bytes$/,
    says: "it is a pickle that pickle.dump or joblib wrote of tensors, not a file of torch.save. In Python, load it as it was written and save it again: torch.save(pickle.load(open(file, 'rb')), 'weights.pt').",
  },
  {
    names: /^torch\.(?:jit|_C)\./,
    says: 'it holds a TorchScript module. In Python, save its state_dict() with torch.save.',
  },
];
