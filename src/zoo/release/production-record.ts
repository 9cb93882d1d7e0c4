import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSettingsFile } from '../../config/settings-file';
import type { LoadedModel } from '../../evaluation/loaded-model';
import { checkpointFile } from '../../folder/contents';
import { isSafeName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';

/** The file that says what `promote` or `release` found of the production checkpoint. */
export const PRODUCTION_RECORD_FILE = 'production.json';

/** The types that a production checkpoint's weights can have. */
export const PRODUCTION_DTYPES = ['float32', 'float16'] as const;
export type ProductionDtype = (typeof PRODUCTION_DTYPES)[number];

/** The name of a file in a folder, and nothing else: what a JSON says may not lead elsewhere. */
export const plainFileName = z.string().refine(isSafeName, 'expected the name of a file');
export const sha256Text = z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256');

const head = z.object({ accuracy: z.number(), f1_weighted: z.number(), loss: z.number() });
const heads = z.object({ gloss: head, category: head });

/** The clips of an evaluation. */
export const evaluatedData = z.object({ title: z.string(), synthetic: z.boolean(), clips: z.number(), fingerprint: z.string() });

const facts = z.object({
  dtype: z.enum(PRODUCTION_DTYPES),
  source: z.object({ file: plainFileName, sha256: sha256Text }),
  epoch: z.number().nullable(),
  /** Of the release that it is of; null where it was promoted without one. */
  version: z.string().nullable(),
  data: evaluatedData,
  before: heads,
  after: heads,
  /** Over all clips and classes of both heads. */
  largest_logit_difference: z.number(),
  created: z.string(),
  kumpas: z.string(),
});

/** What is known of a production checkpoint apart from its bytes; its config holds it too, under `production`. */
export type ProductionFacts = z.infer<typeof facts>;

export const productionRecordSchema = facts.extend({ file: plainFileName, bytes: z.number(), sha256: sha256Text });

/** A model folder's `production.json`. */
export type ProductionRecord = z.infer<typeof productionRecordSchema>;

/** The facts in the config of a production checkpoint; undefined where there are none. */
export function factsInConfig(config: Readonly<Record<string, unknown>> | undefined): ProductionFacts | undefined {
  return facts.safeParse(config?.['production']).data;
}

/** What a model's production checkpoint is called. */
export function productionFileName({ model }: Pick<LoadedModel, 'model'>): string {
  return checkpointFile(model.definition.checkpointName, 'production');
}

/** The production checkpoint in a model folder; undefined where there is none. */
export function productionCheckpointIn(folder: string): string | undefined {
  const [name] = new ModelFolder(folder).checkpointsThere('production');
  return name === undefined ? undefined : path.join(folder, name);
}

/**
 * Reads a model folder's `production.json`; undefined where there is none.
 * @throws UserError where it is damaged.
 */
export function readProduction(folder: string): ProductionRecord | undefined {
  const file = path.join(folder, PRODUCTION_RECORD_FILE);
  if (!existsSync(file)) return undefined;
  const checked = productionRecordSchema.safeParse(readSettingsFile(file).values);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new UserError(
    `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is none'}; npm run models -- promote writes it anew`,
  );
}
