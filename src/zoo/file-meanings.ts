/** What a file or folder of a model folder is, by its path from there; undefined for what the guide does not know. */
export function meaningOf(path: string): string | undefined {
  return MEANINGS.find(([pattern]) => pattern.test(path))?.[1];
}

const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^[^/]+_best\.pt$/, 'weights of the best epoch: the one to use'],
  [/^[^/]+_last\.pt$/, 'the last state: the one to go on from'],
  [/^[^/]+_production\.pt$/, 'weights alone, for use: promote or release wrote it'],
  [/^production\.json$/, 'what was found of the production checkpoint'],
  [/^CHANGELOG\.md$/, 'what changed from release to release'],
  [/^releases\/$/, 'each release, as it was made'],
  [/^training_log\.txt$/, 'a line an epoch'],
  [/^metrics\.jsonl$/, 'more of each epoch'],
  [/^config\.json$/, 'settings, data, versions'],
  [/^README\.md$/, 'the card: what it is, its figures, how to load it'],
  [/^evaluation_results(_[^/]+)?\/$/, 'figures, predictions, pictures, report.html'],
  [/^performance_history\.csv$/, 'how it did on data that came later'],
  [/^performance_history\.png$/, 'the same as a picture'],
  [/^exports\/$/, 'the model in other forms'],
  [/^manifest\.json$/, 'of a pack: the size and sha256 of each file'],
  [/^examples\/$/, 'of a pack: how to load the model'],
];
