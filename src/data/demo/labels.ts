import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import type { LabelNames } from '../clip-set';

/** The names of the demo set's 105 glosses and 10 categories, and which category each gloss belongs to. */
export interface DemoLabels extends LabelNames {
  /** Position = gloss id, value = category id. */
  readonly categoryOfGloss: readonly number[];
}

/** The labels file beside this code: the 105 glosses and 10 categories of the Filipino Sign Language data, under their real names. */
export const demoLabelsFile = path.join(__dirname, 'labels_reference.csv');

/** Reads {@link demoLabelsFile}, whose rows are ordered by gloss id. */
export function demoLabels(): DemoLabels {
  const rows: string[][] = parse(readFileSync(demoLabelsFile), { from_line: 2 });
  const gloss: string[] = [];
  const category: string[] = [];
  const categoryOfGloss: number[] = [];
  for (const [, glossName = '', categoryId = '', categoryName = ''] of rows) {
    gloss.push(glossName);
    categoryOfGloss.push(Number(categoryId));
    category[Number(categoryId)] = categoryName;
  }
  return { gloss, category, categoryOfGloss };
}
