import { confusionMatrix } from '../src/evaluation/confusion';
import { RandomStream } from '../src/foundation/random';
import { timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

const CLASSES = 105;
const CATEGORIES = 10;
const CLIPS = 426;

/** Times `confusion_matrix.png` of 105 glosses: the first with loading the canvas, then others. */
export async function benchPicture({ runs = 7 }: BenchFlags): Promise<Figures> {
  const random = new RandomStream(5);
  const truths = Int32Array.from({ length: CLIPS }, (_, clip) => clip % CLASSES);
  const predictions = truths.map((truth) => (random.uniform() < 0.8 ? truth : random.below(CLASSES)));
  const picture = {
    title: 'random predictions',
    matrix: confusionMatrix(predictions, truths, CLASSES),
    labels: Array.from({ length: CLASSES }, (_, id) => `SOME SIGN ${id}`),
    groups: Array.from({ length: CLASSES }, (_, id) => `CATEGORY ${id % CATEGORIES}`),
  };
  let bytes = 0;
  const draw = async (): Promise<void> => {
    const { confusionPicture } = await import('../src/evaluation/pictures/confusion-picture.js');
    const { lightTheme } = await import('../src/evaluation/pictures/drawing.js');
    bytes = confusionPicture(picture, lightTheme).length;
  };
  const first = await timed(draw);
  const times: number[] = [];
  for (let count = 0; count < runs; count++) times.push(await timed(draw));
  return { ...timeFigures(times), first_ms: Math.round(first), bytes, setting: { classes: CLASSES, clips: CLIPS } };
}
