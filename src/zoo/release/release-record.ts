import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { readSettingsFile } from '../../config/settings-file';
import type { LoadedModel } from '../../evaluation/loaded-model';
import { figuresSchema } from '../../evaluation/results/contents';
import { checkpointFile, FOLDER_FILES, RELEASE_FILE } from '../../folder/contents';
import { isSafeName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { firstIssue, UserError } from '../../foundation/errors';
import { required } from '../../foundation/required';
import { printableLine } from '../../foundation/text';

/** The file that says what `promote` or `release` found of the production checkpoint. */
export const PRODUCTION_RECORD_FILE = 'production.json';

/** The types that a production checkpoint's weights can have. */
const PRODUCTION_DTYPES = ['float32', 'float16'] as const;
export type ProductionDtype = (typeof PRODUCTION_DTYPES)[number];

/** The name of a file in a folder, and nothing else: what a JSON says may not lead elsewhere. */
const plainFileName = z.string().refine(isSafeName, 'expected the name of a file');
const sha256Text = z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256');

const head = z.object({ accuracy: z.number(), f1_weighted: z.number(), loss: z.number() });
const heads = z.object({ gloss: head, category: head });

/** The clips of an evaluation. */
const evaluatedData = z.object({ title: z.string(), synthetic: z.boolean(), clips: z.number(), fingerprint: z.string() });

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

const productionRecordSchema = facts.extend({ file: plainFileName, bytes: z.number(), sha256: sha256Text });

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
  throw new UserError(`${file}: ${firstIssue(checked.error)}; npm run models -- promote writes it anew`);
}

/** Which number of a version rises. */
export const BUMPS = ['major', 'minor', 'patch'] as const;
export type Bump = (typeof BUMPS)[number];

/** @throws UserError where it is none of them. */
export function bumpOf(text: string): Bump {
  const bump = BUMPS.find((candidate) => candidate === text);
  if (bump !== undefined) return bump;
  throw new UserError(`--bump: expected ${BUMPS.join(', ')}, found ${shown(text)}`);
}

/**
 * A version as `1.2.0`, however it was typed: with a `v` before it or without.
 * @throws UserError where it is no version, which is also to say: nothing that could stand for a path.
 */
export function parseVersion(text: string): string {
  const version = isVersion(text.replace(/^v/, '')) ? text.replace(/^v/, '') : undefined;
  if (version !== undefined) return version;
  throw new UserError(`expected a version of three numbers, as v1.2.0, found ${shown(text)}`);
}

/** Whether a text is a version of three numbers and nothing else. */
export function isVersion(text: string): boolean {
  return /^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(text) && semver.valid(text) === text;
}

/** The version after another; from none at all 1.0.0, 0.1.0 or 0.0.1. */
export function nextVersion(previous: string | undefined, bump: Bump): string {
  return required(semver.inc(previous ?? '0.0.0', bump), `the version after ${previous ?? 'none'}`);
}

/** Negative where the first is the older. */
export function compareVersions(one: string, other: string): number {
  return semver.compare(one, other);
}

function shown(text: string): string {
  return JSON.stringify(printableLine(text).slice(0, 64));
}

/** Lies in a release whose tag is still to be made. */
export const TAG_PENDING_FILE = '.tag-pending';

const version = z.string().refine(isVersion, 'expected a version as 1.2.0');
const contrast = z.object({ before: z.number(), after: z.number(), mcnemar_p: z.number().nullable() });
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const releaseSchema = z.object({
  version,
  bump: z.enum(BUMPS),
  created: z.string(),
  kumpas: z.string(),
  /** The model folder that it was made of. */
  model: plainFileName,
  notes: z.array(z.string()),
  previous: z.object({ model: plainFileName, version }).nullable(),
  /** The model whose releases this one's go on from. */
  follows: plainFileName.nullable(),
  checkpoint: productionRecordSchema,
  /** Of the weights that it was made of, whatever their type and file. */
  weights_sha256: sha256Text,
  architecture: z.object({
    model: z.string(),
    config: z.record(z.string(), scalar),
    tensors: z.record(z.string(), z.array(z.number()).readonly()),
  }),
  classes: z.object({ gloss: z.array(z.string()).readonly(), category: z.array(z.string()).readonly() }),
  /** What it was trained with, where that is known. */
  trained_with: z
    .object({ title: z.string(), synthetic: z.boolean(), train_clips: z.number(), validation_clips: z.number(), fingerprint: z.string() })
    .nullable(),
  evaluation: z.object({ data: evaluatedData, gloss: figuresSchema, category: figuresSchema }),
  /** Set against the release before; null for the first. */
  comparison: z
    .union([
      z.object({ basis: z.enum(['evaluated', 'recorded']), clips: z.number(), gloss: contrast, category: contrast }),
      z.object({ basis: z.literal('none'), reason: z.string() }),
    ])
    .nullable(),
  /** Of architecture and classes, from the release before. */
  changes: z.array(z.string()),
  regression_allowed: z.boolean(),
  /** The git tag that was asked for, and the commit that it is of. */
  tag: z.object({ name: z.string(), commit: z.string().regex(/^[0-9a-f]{40,64}$/) }).nullable(),
  /** The bullets of its entry in CHANGELOG.md. */
  changelog: z.array(z.string()),
  /** The entries of the model that it follows, of the first release of a folder that follows one. */
  inherited_changelog: z.string().nullable(),
});

/** A release's `release.json`: the truth about it, which CHANGELOG.md and `run.version` are derived from. */
export type ReleaseRecord = z.infer<typeof releaseSchema>;
export type ReleaseComparison = NonNullable<ReleaseRecord['comparison']>;

/** A release of a model. */
export interface Release {
  /** `releases/v1.1.0` of the model folder. */
  readonly folder: string;
  readonly record: ReleaseRecord;
}

/** Where a release of a model folder lies. */
export function releaseFolder(folder: string, released: string): string {
  return path.join(folder, FOLDER_FILES.releases, `v${released}`);
}

/**
 * The releases of a model folder, the oldest first.
 * @throws UserError that names the file, where a `release.json` is missing or damaged.
 */
export function readReleases(folder: string): Release[] {
  return releasedVersions(folder).map((released) => readRelease(folder, released));
}

/**
 * One of them.
 * @throws UserError as {@link readReleases}.
 */
export function readRelease(folder: string, released: string): Release {
  const place = releaseFolder(folder, released);
  return { folder: place, record: readReleaseFile(place, released) };
}

/** The versions that a model folder has folders of, the oldest first. */
export function releasedVersions(folder: string): string[] {
  const place = new ModelFolder(folder).releases;
  if (!existsSync(place)) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith('v') && isVersion(entry.name.slice(1)))
    .map(({ name }) => name.slice(1))
    .sort(compareVersions);
}

const LARGEST_RECORD = 900_000;

/**
 * The text of a `release.json`.
 * @throws UserError where it would be too large to be read again.
 */
export function releaseText(record: ReleaseRecord): string {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (Buffer.byteLength(text) <= LARGEST_RECORD) return text;
  throw new UserError(
    `${record.model}: ${RELEASE_FILE} would be larger than ${LARGEST_RECORD} bytes: shorten the notes, or the CHANGELOG.md of the model that it follows`,
  );
}

/** @throws UserError where the release's file is missing or damaged. */
function readReleaseFile(folder: string, released: string): ReleaseRecord {
  const file = path.join(folder, RELEASE_FILE);
  if (!existsSync(file)) throw new UserError(`${file}: no such file; the folder is no release that Kumpas made: move it elsewhere`);
  const checked = releaseSchema.safeParse(readSettingsFile(file).values);
  if (!checked.success) {
    throw new UserError(`${file}: ${firstIssue(checked.error)}; restore it, or move the folder elsewhere`);
  }
  if (checked.data.version === released) return checked.data;
  throw new UserError(`${file}: it is of version ${checked.data.version}, the folder's name says ${released}`);
}

/**
 * A model's release of a version.
 * @param typed the version as a user typed it.
 * @throws UserError where there is none.
 */
export function findRelease(folder: string, typed: string): Release {
  const wanted = parseVersion(typed);
  const releases = readReleases(folder);
  const found = releases.find(({ record }) => record.version === wanted);
  if (found !== undefined) return found;
  const there = releases.map(({ record }) => `v${record.version}`).join(', ');
  throw new UserError(
    `${path.basename(folder)}: it has no release v${wanted}; ${there === '' ? 'it has none at all' : `there are ${there}`}`,
  );
}
