import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { excerpt, nearestName } from '../../foundation/text';
import type { LabelNames } from '../clip-set';
import type { Collection, CollectionClip } from './read-collection';

/** A clip of those that were chosen, with the ids that it has among them. */
export interface ChosenClip {
  readonly clip: CollectionClip;
  readonly gloss: number;
  readonly category: number;
}

/** Classes with their clips; ids count from 0 without a gap. */
export interface ChosenClasses {
  readonly clips: readonly ChosenClip[];
  readonly names: LabelNames;
  /** Position = gloss id; the id of its category. */
  readonly categoryOfGloss: readonly number[];
  /** Position = id; the id that the class has in the collection. Undefined where all ids are what they were. */
  readonly idsBefore: { readonly gloss: readonly number[]; readonly category: readonly number[] } | undefined;
}

/** Which classes are wanted, by their ids or names; all where neither is said. */
export interface WantedClasses {
  readonly glosses?: string | readonly string[] | undefined;
  readonly categories?: string | readonly string[] | undefined;
}

/**
 * Takes the clips of some classes, whose ids are counted anew from 0 in their old order.
 * @throws UserError for a class that the collection does not have, or where no clip is left.
 */
export function chooseClasses({ clips, names, reference, folder }: Collection, { glosses, categories }: WantedClasses): ChosenClasses {
  const categoryOf = categoriesOfGlosses(clips, names, reference?.categoryOfGloss);
  if (glosses === undefined && categories === undefined) {
    const all = clips.map((clip) => ({ clip, gloss: clip.label.gloss, category: clip.label.category }));
    return { clips: all, names, categoryOfGloss: categoryOf, idsBefore: undefined };
  }
  const wantedGlosses = glosses === undefined ? undefined : idsOf([glosses].flat(), names.gloss, GLOSSES);
  const wantedCategories = categories === undefined ? undefined : idsOf([categories].flat(), names.category, CATEGORIES);
  const isWanted = (gloss: number, category: number): boolean =>
    (wantedGlosses?.has(gloss) ?? true) && (wantedCategories?.has(category) ?? true);
  const kept = clips.filter(({ label }) => isWanted(label.gloss, label.category));
  if (kept.length === 0) throw new UserError(`${folder}: no clip is of the glosses and categories that were asked for`);
  const isKept = (gloss: number): boolean => isWanted(gloss, elementAt(categoryOf, gloss));
  const gloss = inOrder([...names.gloss.keys()].filter(isKept), kept, 'gloss');
  const category = inOrder(
    gloss.map((id) => elementAt(categoryOf, id)),
    kept,
    'category',
  );
  const [newGloss, newCategory] = [gloss, category].map((before) => new Map(before.map((id, place) => [id, place])));
  const placeOf = (ids: ReadonlyMap<number, number> | undefined, id: number): number => required(ids?.get(id), `the new id of class ${id}`);
  return {
    clips: kept.map((clip) => ({
      clip,
      gloss: placeOf(newGloss, clip.label.gloss),
      category: placeOf(newCategory, clip.label.category),
    })),
    names: { gloss: gloss.map((id) => elementAt(names.gloss, id)), category: category.map((id) => elementAt(names.category, id)) },
    categoryOfGloss: gloss.map((id) => placeOf(newCategory, elementAt(categoryOf, id))),
    idsBefore: { gloss, category },
  };
}

/** Of each gloss the category that the reference gives it, else that of its first clip. */
function categoriesOfGlosses(
  clips: readonly CollectionClip[],
  { gloss: names }: LabelNames,
  ofReference: readonly number[] | undefined,
): readonly number[] {
  if (ofReference !== undefined) return ofReference;
  const ofFirstClip = new Map<number, number>();
  for (const { label } of clips) if (!ofFirstClip.has(label.gloss)) ofFirstClip.set(label.gloss, label.category);
  return names.map((_, id) => ofFirstClip.get(id) ?? 0); // A gloss without clips or reference is of the first category.
}

/** The ids of classes and of clips' classes, each once, in their order. */
function inOrder(ids: readonly number[], clips: readonly CollectionClip[], kind: keyof LabelNames): number[] {
  return [...new Set([...ids, ...clips.map(({ label }) => label[kind])])].sort((one, other) => one - other);
}

interface KindOfClass {
  readonly flag: string;
  readonly one: string;
  readonly many: string;
}

const GLOSSES: KindOfClass = { flag: '--glosses', one: 'gloss', many: 'glosses' };
const CATEGORIES: KindOfClass = { flag: '--categories', one: 'category', many: 'categories' };

/** The ids of classes that are told by id or name, one by one or with commas between them. */
function idsOf(texts: readonly string[], names: readonly string[], kind: KindOfClass): Set<number> {
  const known = new Map<string, number[]>();
  for (const [id, name] of names.entries()) known.set(name.toLowerCase(), [...(known.get(name.toLowerCase()) ?? []), id]);
  const named = (text: string): readonly number[] => {
    const like = known.get(text.toLowerCase()) ?? [];
    const same = like.filter((id) => names[id] === text);
    return same.length > 0 ? same : like;
  };
  const single = texts.map((text) => text.normalize('NFC').trim());
  const parts = single.flatMap((text) => (named(text).length > 0 ? [text] : text.split(',').map((part) => part.trim())));
  return new Set(parts.filter((part) => part !== '').flatMap((part) => idsOfOne(part, named(withoutPrefix(part)), names, kind)));
}

const PREFIX = /^(id|name)=/;

function withoutPrefix(text: string): string {
  return text.replace(PREFIX, '');
}

function idsOfOne(text: string, ofName: readonly number[], names: readonly string[], { flag, one, many }: KindOfClass): readonly number[] {
  const plain = withoutPrefix(text);
  const said = PREFIX.exec(text)?.[1];
  const id = /^\d{1,6}$/.test(plain) && Number(plain) < names.length ? Number(plain) : undefined;
  if (said === undefined && id !== undefined && ofName.length > 0 && !ofName.includes(id))
    throw new UserError(`${flag} ${excerpt(text)}: it is the id of one ${one} and the name of another; write id=${plain} or name=${plain}`);
  if (said !== 'id' && ofName.length > 0) return ofName;
  if (said !== 'name' && id !== undefined) return [id];
  const near = nearestName(plain, names);
  const advice = near === undefined ? `there are ${names.length} ${many}, told by name or by id from 0` : `did you mean ${excerpt(near)}?`;
  throw new UserError(`${flag} ${excerpt(text)}: no such ${one}; ${advice}`);
}
