import { CLOSE_ENOUGH, checkLogits, DESCRIPTION_FILE, differenceOf, type SiteDescription } from '../../../conversion/web/site-description';
import { checkedClipOf, type Clip } from '../../../data/clip';
import type { FileError } from '../../../data/data-error';
import type { ArrayFile } from '../../../data/npz';
import { browserBackends, startBackend, type BrowserBackend } from '../../../engine/browser/runtime';
import { EagerProgram } from '../../../engine/eager-program';
import type { NamedArrays } from '../../../engine/parameters';
import { inferenceDefinition, savedLabels, type LoadedModel } from '../../../evaluation/loaded-model';
import { logitsOf, predictionsOf, readyClip, type Prediction } from '../../../evaluation/predict-clips';
import { savedInputs } from '../../../evaluation/saved-inputs';
import { required } from '../../../foundation/required';
import { ownModels } from '../../../models/model-table';
import { readWeights } from './weights';

/** What a model says of a clip, and the numbers that it says it by. */
interface Recognised {
  readonly answer: Prediction | FileError;
  readonly logits: NamedArrays;
}

const NAMED_CLASSES = 5;

/** The model that lies beside the page. */
export class SiteModel {
  private constructor(
    readonly description: SiteDescription,
    readonly loaded: LoadedModel,
    private readonly program: EagerProgram,
    /** What computes. */
    readonly backend: BrowserBackend,
  ) {}

  /**
   * Fetches the model, and finds what can compute it here: the first that gives, for the clip of the check, what the exporting machine gave.
   * @param asked the only one that may compute; undefined for whichever is fastest.
   */
  static async load(asked?: string | null): Promise<SiteModel> {
    const description = JSON.parse(new TextDecoder().decode(await fetched(DESCRIPTION_FILE))) as SiteDescription;
    const loaded = loadedOf(description, await fetched(description.weights.file));
    const differences: string[] = [];
    for (const backend of browserBackends) {
      if ((typeof asked === 'string' && asked !== backend) || !(await startBackend(backend))) continue;
      const program = new EagerProgram(inferenceDefinition(loaded.model), loaded.weights);
      const difference = differenceOf(checkLogits(program, loaded), description.check);
      if (difference <= CLOSE_ENOUGH) return new SiteModel(description, loaded, program, backend);
      differences.push(`${backend} is ${difference.toPrecision(2)} off`);
      program.dispose();
    }
    const found = differences.length === 0 ? 'neither WebGL nor WebAssembly is here' : differences.join(', ');
    throw new Error(`This browser does not compute what the model was exported with (${found}). Another browser may.`);
  }

  /** The values that the model reads of a clip's file. @throws FileError where it cannot be used. */
  clipOf(arrays: ArrayFile): Promise<Clip> {
    const { key } = this.description;
    const { clipWidth: width, keypoints } = this.loaded;
    return checkedClipOf(arrays, { key, width, keypoints, saidBy: 'as this model takes them' });
  }

  /** @param name what the answer calls the clip. */
  recognise(name: string, clip: Clip): Recognised {
    const ready = [readyClip(this.loaded, name, clip)];
    const logits = logitsOf(this.program, this.loaded, ready);
    const [answer] = predictionsOf(this.loaded, ready, logits, { topK: NAMED_CLASSES });
    return { answer: required(answer, 'the answer for the clip'), logits };
  }
}

function loadedOf({ title, config }: SiteDescription, bytes: Uint8Array<ArrayBuffer>): LoadedModel {
  const tensors = readWeights(bytes);
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const { model } = required(ownModels.recognise({ config, shapes }), `the model of ${title}`);
  return {
    file: title,
    name: model.definition.name,
    model,
    weights: new Map([...tensors].map(([name, { values }]) => [name, values])),
    labels: savedLabels(config, model),
    ...savedInputs(config, model, title),
    ...{ epoch: undefined, settings: {}, data: {}, assumptions: [], notes: [] },
  };
}

/** A file beside the page. */
export async function fetched(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} is not beside this page: the server answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
