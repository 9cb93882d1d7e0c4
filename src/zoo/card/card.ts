import path from 'node:path';
import type { ReadFigures } from '../../evaluation/results/contents';
import { classesText, hasCategories } from '../../folder/config-file';
import { FOLDER_FILES, RESULT_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import type { Page } from '../../folder/readme';
import { plainMarkdown as plain, shortLabel, percent } from '../../foundation/text';
import type { RegisteredModel } from '../registered-models';
import { readCardFacts, limits, loadingSections, type CardFacts, type CardSetting } from './card-sections';

/** What {@link writeCard} did. */
interface WrittenCard {
  readonly file: string;
  /** False where the card was the same already. */
  readonly changed: boolean;
  /** Whether a page that was written by hand alone was taken over as a whole, among the notes. */
  readonly tookOver: boolean;
}

/**
 * Writes the card of a model, its README.md, from what lies in its folder. What a person wrote between its marks stays; a page without any sign of Kumpas is kept
 * whole, among the notes.
 * @throws UserError where the model cannot be read, or another process is at work on it.
 */
export async function writeCard(model: RegisteredModel): Promise<WrittenCard> {
  return await new ModelFolder(model.folder).whileLocked('card', () => putCard(model));
}

/** {@link writeCard} for a caller that holds the model's lock. */
export function putCard(model: RegisteredModel): WrittenCard {
  const files = new ModelFolder(model.folder);
  return { file: files.readme, ...files.writeReadme(cardPage(readCardFacts(model))) };
}

const WEAKEST = 10;
/** Glosses that a card names one by one, and how many of them where there are more. */
const MOST_NAMED = 200;
const NAMED_OF_MANY = 100;

/** The card of a model: its README.md. The same facts give the same text. */
export function cardPage(facts: CardFacts): Page {
  const made = releases(facts);
  return {
    title: plain(facts.name),
    introduction: whatItIs(facts),
    sections: [
      { heading: 'Figures', figures: figures(facts) },
      { heading: 'Data', lines: data(facts) },
      { heading: 'Recipe', lines: recipe(facts) },
      ...(made === undefined ? [] : [{ heading: 'Releases', lines: made }]),
      { heading: 'Limits', lines: limits(facts).map((limit) => `- ${limit}`) },
      ...loadingSections(facts),
      { heading: 'Dependencies', lines: dependencies(facts) },
    ],
  };
}

function whatItIs({ record: { run }, model, evaluation, production }: CardFacts): string[] {
  const { checkpointName } = model.model.definition;
  const made = run.imported_from === undefined ? 'trained' : `imported from ${plain(run.imported_from)}`;
  const state = run.version === undefined ? (run.stage ?? 'development') : `version ${plain(run.version)}, ${run.stage ?? 'development'}`;
  return [
    ...(run.data?.synthetic === true
      ? ['> **Trained on synthetic data.** A generator made it, nobody signed it: these figures say nothing about real signs.', '']
      : []),
    `${/^[AEIOU]/.test(checkpointName) ? 'An' : 'A'} ${checkpointName} that recognises ${classesText(run.classes)}, ${made} with Kumpas ${plain(run.versions.kumpas)} on ${plain(run.created.slice(0, 10))}.`,
    '',
    `- Stage: ${state}`,
    ...(run.follows === undefined ? [] : [`- Its releases go on from ${plain(run.follows)}`]),
    `- Checkpoint: \`${path.basename(model.file)}\`${model.epoch === undefined || model.epoch === 0 ? '' : `, epoch ${model.epoch}`}`,
    ...(production === undefined ? [] : [`- For use: \`${production}\`, the weights alone with config and labels`]),
    ...(evaluation === undefined
      ? ['- It has not been evaluated yet: `npm run evaluate` does it']
      : [
          `- Right in ${percent(evaluation.gloss.accuracy)} of the glosses${hasCategories(run.classes) ? ` and ${percent(evaluation.category.accuracy)} of the categories` : ''} of ${evaluation.data.clips ?? 'its'} clips`,
        ]),
    ...(run.parameters === undefined ? [] : [`- Parameters: ${run.parameters.toLocaleString('en')}`]),
    `- Shape: ${Object.entries(run.model)
      .map(([key, value]) => `${plain(key)} ${shown(value)}`)
      .join(', ')}`,
    ...glossLine(run.gloss_labels),
  ];
}

function glossLine(labels: readonly string[] | undefined): string[] {
  if (labels === undefined) return ['- The names of its classes are not known'];
  const listed = labels.length > MOST_NAMED ? labels.slice(0, NAMED_OF_MANY) : labels;
  const more = labels.length > listed.length ? `, and ${labels.length - listed.length} more, which config.json names` : '';
  return [`- Glosses: ${listed.map((label) => plain(shortLabel(label))).join(', ')}${more}`];
}

/** What an evaluation found, from its files. */
function figures({ evaluation, glosses, results, record: { run } }: CardFacts): string[] {
  if (evaluation === undefined) return ['Not evaluated yet.'];
  const { gloss, category, data: on } = evaluation;
  const heads = hasCategories(run.classes) ? [gloss, category] : [gloss];
  const row = (title: string, show: (head: ReadFigures) => string): string => `| ${[title, ...heads.map(show)].join(' | ')} |`;
  const calibration = (head: ReadFigures): string =>
    head.expected_calibration_error === undefined ? '–' : percent(head.expected_calibration_error);
  const picture = (title: string, file: string): string[] =>
    results.has(file) ? ['', `![${title}](${FOLDER_FILES.results}/${file})`] : [];
  return [
    `| figure | gloss |${heads.length > 1 ? ' category |' : ''}`,
    `| --- | --- |${heads.length > 1 ? ' --- |' : ''}`,
    row('accuracy', ({ accuracy }) => percent(accuracy)),
    row('95 % interval', (head) => `${percent(head.accuracy_ci95_low)} to ${percent(head.accuracy_ci95_high)}`),
    ...(run.classes.gloss > 5 ? [row('top-5 accuracy', ({ top_5_accuracy: share }) => percent(share))] : []),
    row('weighted F1', ({ f1_weighted: f1 }) => f1.toFixed(4)),
    row('macro F1', ({ f1_macro: f1 }) => f1.toFixed(4)),
    row('expected calibration error', calibration),
    '',
    `Of ${plain(path.basename(evaluation.model))}${typeof evaluation.epoch === 'number' ? `, epoch ${evaluation.epoch}` : ''}, on the ${evaluation.data.clips === undefined ? '' : `${evaluation.data.clips} `}validation clips of ${plain(path.basename(on.title))} (fingerprint ${plain(on.fingerprint.slice(0, 16))})${on.synthetic ? ', which a generator made' : ''}.`,
    ...weakSpots(glosses),
    ...picture('Training curves', RESULT_FILES.curves),
    ...picture('Confusion matrix of the glosses', RESULT_FILES.confusionPicture),
    ...(heads.length > 1 ? picture('Confusion matrix of the categories', RESULT_FILES.categoryConfusionPicture) : []),
    ...picture('Reliability', RESULT_FILES.reliability),
    ...(results.has(RESULT_FILES.report)
      ? ['', `All of it: [${RESULT_FILES.report}](${FOLDER_FILES.results}/${RESULT_FILES.report}).`]
      : []),
  ];
}

function weakSpots(glosses: CardFacts['glosses']): string[] {
  const weak = (glosses ?? [])
    .filter(({ support, f1 }) => support > 0 && f1 < 1)
    .sort((one, other) => one.f1 - other.f1 || one.id - other.id)
    .slice(0, WEAKEST);
  if (weak.length === 0) return [];
  return [
    '',
    'Where it is weakest:',
    '',
    '| gloss | F1 | right | most often taken for |',
    '| --- | --- | --- | --- |',
    ...weak.map(
      ({ label, f1, recall, support, confusedWith }) =>
        `| ${plain(shortLabel(label))} | ${f1.toFixed(2)} | ${Math.round(recall * support)} of ${support} | ${plain(shortLabel(confusedWith))} |`,
    ),
  ];
}

function data({ record: { run } }: CardFacts): string[] {
  if (run.data === undefined) return ['Not known: the checkpoint that it was imported from does not say.'];
  const { title, train_clips: train, validation_clips: validation, fingerprint, synthetic } = run.data;
  const of = run.training_clips?.of_gloss;
  return [
    `- ${plain(path.basename(title))}${synthetic ? ' (made by a generator)' : ''}: ${train} training and ${validation} validation clips`,
    `- Fingerprint \`${fingerprint.replace(/\W/g, '').slice(0, 64)}\`: the same clips have the same one wherever they lie`,
    ...(of === undefined || of.length === 0
      ? []
      : [
          `- Training clips of a gloss: ${of.reduce((fewest, clips) => Math.min(fewest, clips))} to ${of.reduce((most, clips) => Math.max(most, clips))}`,
        ]),
  ];
}

function recipe({ settings, record }: CardFacts): string[] {
  const changed = settings.filter(differs);
  const others = settings.filter((setting) => !differs(setting) && setting.value !== null);
  return [
    ...(changed.length === 0
      ? ['All settings are the usual ones.']
      : [
          'Settings that are not the usual ones:',
          '',
          '| setting | here | usually |',
          '| --- | --- | --- |',
          ...changed.map(({ key, value, usual }) => `| ${plain(key)} | ${shown(value)} | ${shown(usual)} |`),
        ]),
    '',
    `The others: ${others.map(({ key, value }) => `${plain(key)} ${shown(value)}`).join(', ')}.`,
    '',
    record.run.imported_from === undefined
      ? 'The same training anew: `npm run train -- --config config.json` with this folder’s file; each epoch is in `training_log.txt`.'
      : 'What the imported file did not tell is taken as usual.',
  ];
}

function releases({ hasChangelog, releases: made, record: { run } }: CardFacts): string[] | undefined {
  if (made.length === 0 && !hasChangelog) return undefined;
  return [
    ...made.map(({ version, evaluation }) => {
      const category = evaluation !== undefined && hasCategories(run.classes) ? `, category ${percent(evaluation.category.accuracy)}` : '';
      const accuracy = evaluation === undefined ? '' : `: gloss ${percent(evaluation.gloss.accuracy)}${category}`;
      return `- [v${version}](${FOLDER_FILES.releases}/v${version})${accuracy}`;
    }),
    ...(hasChangelog ? [`${made.length === 0 ? '' : '\n'}What changed: [${FOLDER_FILES.changelog}](${FOLDER_FILES.changelog}).`] : []),
  ];
}

function dependencies({ record: { run } }: CardFacts): string[] {
  const { kumpas, node, tensorflow } = run.versions;
  const made = [
    `Kumpas ${plain(kumpas)}`,
    ...(node === undefined ? [] : [`Node ${plain(node)}`]),
    ...(tensorflow === undefined ? [] : [`TensorFlow ${plain(tensorflow)}`]),
  ];
  return [
    `- Made with ${made.join(', ')}${run.device === undefined ? '' : ` on ${plain(run.device)}`}${typeof run.git_commit === 'string' ? `, commit ${plain(run.git_commit.slice(0, 20))}` : ''}`,
    `- Here: Kumpas ${plain(kumpas)} or later`,
    '- In PyTorch: torch 1.13 or later for `weights_only`; Kumpas checks its files with torch 2.15',
    '- Over HTTP: TensorFlow Serving 2.x; NumPy for the request',
  ];
}

function differs({ value, usual }: CardSetting): boolean {
  return (value ?? null) !== (usual ?? null);
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return plain(typeof value === 'string' ? value : JSON.stringify(value));
}
