import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  finishReplacing,
  isBeingReplaced,
  replaceResults,
  type ResultContent,
  prepareResultsFolder,
} from '../../src/evaluation/results/write-results';
import { checkRegistry } from '../../src/zoo/check/check-registry';
import { inTemporaryFolder } from '../support/clip-files';
import { addModel, later, writeEvaluation } from '../support/small-registry';

const OLD: readonly (readonly [string, ResultContent])[] = [
  ['predictions.csv', 'old predictions'],
  ['training_curves.png', 'old curves'],
  ['evaluation.json', '{"of": "old"}'],
];
const NEW: typeof OLD = [
  ['predictions.csv', 'new predictions'],
  ['training_curves.png', undefined],
  ['evaluation.json', '{"of": "new"}'],
];

/** A folder of results with a note that a person put there. */
function withOldResults(folder: string): string {
  const results = path.join(folder, 'evaluation_results');
  mkdirSync(results);
  replaceResults(results, new Map(OLD));
  writeFileSync(path.join(results, 'notes.txt'), 'mine');
  return results;
}

function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

const OLD_CONTENTS = {
  'predictions.csv': 'old predictions',
  'training_curves.png': 'old curves',
  'evaluation.json': '{"of": "old"}',
  'notes.txt': 'mine',
};
const NEW_CONTENTS = { 'predictions.csv': 'new predictions', 'evaluation.json': '{"of": "new"}', 'notes.txt': 'mine' };

describe('replaceResults', () => {
  it('puts new results in the place of old ones, takes away what they do not have, and keeps what others put there', async () => {
    await inTemporaryFolder((folder) => {
      const results = withOldResults(folder);
      expect(contentsOf(results)).toEqual(OLD_CONTENTS);
      replaceResults(results, new Map(NEW));
      expect(contentsOf(results)).toEqual(NEW_CONTENTS);
    });
  });

  it('leaves the old ones as they are, and nothing else, where one of the new ones cannot be written', async () => {
    await inTemporaryFolder((folder) => {
      const results = withOldResults(folder);
      const tooLong = 'n'.repeat(250); // Its temporary name is.
      expect(() => {
        replaceResults(results, new Map([...NEW.slice(0, 2), [tooLong, 'text'], ...NEW.slice(2)]));
      }).toThrow(new RegExp(`^[^\\n]*/evaluation_results/${tooLong}: its name is too long \\(ENAMETOOLONG\\); [^\\n]*$`));
      expect(contentsOf(results)).toEqual(OLD_CONTENTS);
      rmSync(path.join(results, 'predictions.csv'));
      mkdirSync(path.join(results, 'predictions.csv'));
      expect(() => {
        replaceResults(results, new Map(NEW));
      }).toThrow(/predictions\.csv: a folder lies where a file is expected; move it away/);
      expect(readFileSync(path.join(results, 'evaluation.json'), 'utf8')).toBe('{"of": "old"}');
      expect(readdirSync(results).filter((name) => name.startsWith('.'))).toEqual([]);
    });
  });

  it('is finished by whoever comes next, at whichever file the process was killed', async () => {
    await inTemporaryFolder((folder) => {
      // What lies there after so many of the steps that follow the last that can fail.
      for (let done = 0; done <= 4; done++) {
        const results = withOldResults(folder);
        const complete = path.join(results, '.complete_results');
        mkdirSync(complete);
        for (const [name, content] of NEW) writeFileSync(path.join(complete, name), content ?? '');
        if (done > 0) rmSync(path.join(results, 'evaluation.json'));
        if (done > 1) renameSync(path.join(complete, 'predictions.csv'), path.join(results, 'predictions.csv'));
        if (done > 2) rmSync(path.join(results, 'training_curves.png'));
        if (done > 3) rmSync(path.join(complete, 'training_curves.png'));
        // Where it is there, all of them are of one evaluation.
        const document = readdirSync(results).includes('evaluation.json');
        expect(document).toBe(done === 0);
        expect(isBeingReplaced(results)).toBe(true);
        finishReplacing(results);
        expect(contentsOf(results)).toEqual(NEW_CONTENTS);
        rmSync(results, { recursive: true });
      }
    });
  });
});

describe('prepareResultsFolder', () => {
  it('makes the folder, or says in a line why it cannot be made', async () => {
    await inTemporaryFolder((folder) => {
      const results = path.join(folder, 'deep', 'results');
      prepareResultsFolder(results).release();
      expect(readdirSync(results)).toEqual([]);
      writeFileSync(path.join(folder, 'file'), '');
      for (const refused of [path.join(folder, 'file'), path.join(folder, 'file', 'results'), '/proc/nope'])
        expect(() => prepareResultsFolder(refused)).toThrow(/^[^\n]*; no results can be written there, choose another folder with --out$/);
    });
  });
});

describe('models check', () => {
  it('finds results that a killed process left between old and new, and --fix lets the rest follow', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder, name } = await addModel(root, 'killed');
      writeEvaluation(folder, 0.5);
      const results = path.join(folder, 'evaluation_results');
      mkdirSync(path.join(results, '.complete_results'));
      renameSync(path.join(results, 'evaluation.json'), path.join(results, '.complete_results', 'evaluation.json'));
      const check = async (fix: boolean): Promise<string[]> => {
        const { findings } = await checkRegistry({ root, names: [], fix, now: later() });
        return findings.filter(({ place }) => place.startsWith('evaluation_results')).map(({ model, what }) => `${model}: ${what}`);
      };
      expect(await check(false)).toEqual([`${name}: a process was killed while the files of an evaluation took their places`]);
      expect(await check(true)).toEqual([]);
      expect(readdirSync(results)).toEqual(['evaluation.json']);
    });
  });
});
