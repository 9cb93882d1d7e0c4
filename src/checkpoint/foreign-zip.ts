import { MalformedCheckpoint } from './malformed-checkpoint';

/**
 * Refuses a zip file that is no checkpoint, by the names in it, with what it is and what to do.
 * @throws MalformedCheckpoint
 */
export function refuseForeignZip(names: readonly string[]): void {
  const what = ZIPS.find(({ isIt }) => isIt(names))?.what;
  if (what !== undefined) throw new MalformedCheckpoint(what);
}

const ZIPS: readonly { readonly isIt: (names: readonly string[]) => boolean; readonly what: string }[] = [
  {
    isIt: (names) => names.some((name) => /^[^/]+\/(?:constants\.pkl$|code\/__torch__)/.test(name)),
    what: 'it is a TorchScript program, not a checkpoint. In Python, save torch.jit.load(file).state_dict() with torch.save.',
  },
  {
    isIt: (names) => names.some((name) => /(?:^|\/)(?:serialized_exported_program\.json|archive_format|models\/model\.json)$/.test(name)),
    what: 'it is a program of torch.export (.pt2), not a checkpoint. In Python, save torch.export.load(file).state_dict with torch.save.',
  },
  {
    isIt: (names) => names.some((name) => /\.data\/(?:extern_modules|python_version)$/.test(name)),
    what: 'it is a torch.package, not a checkpoint. In Python, load the model of it and save model.state_dict() with torch.save.',
  },
  {
    isIt: (names) => names.includes('model.weights.h5') || (names.includes('config.json') && names.includes('metadata.json')),
    what: 'it is a Keras model (.keras), not of PyTorch: Kumpas reads files of PyTorch and safetensors.',
  },
  {
    isIt: (names) => !names.some(isPickle) && names.some((name) => /\.(?:pt|pth|ckpt|bin|safetensors)$/i.test(name)),
    what: 'it is a zip file that a checkpoint was packed into: unpack it and name the checkpoint.',
  },
];

function isPickle(name: string): boolean {
  return /(?:^|\/)data\.pkl$/.test(name);
}
