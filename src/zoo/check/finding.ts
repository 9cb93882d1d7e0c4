import { UserError } from '../../foundation/errors';

/** Something that is not as the guide has it. */
export interface Finding {
  /** A remark tells what a user may want to know and fails nothing. */
  readonly severity: 'problem' | 'remark';
  /** The model, or what else of the registry it is about. */
  readonly model: string;
  /** The file or folder. */
  readonly place: string;
  readonly what: string;
  readonly todo: string;
  /** Mends it and says how; undefined where that is left to people. */
  readonly mend?: (() => string) | undefined;
  /** Whether mending takes the lock that it needs; else it is called under the model's. */
  readonly locksItself?: boolean;
}

/** What {@link Finding} tells of a model, before its name is put to it. */
export type FolderFinding = Omit<Finding, 'model'>;

/** Tells findings of one file apart from those of others. */
export function problem(place: string, what: string, todo: string, mend?: () => string): FolderFinding {
  return { severity: 'problem', place, what, todo, mend };
}

/** {@link problem} that fails nothing. */
export function remark(place: string, what: string, todo: string, mend?: () => string): FolderFinding {
  return { severity: 'remark', place, what, todo, mend };
}

/** A value, or what is wrong with where it should come from. */
export function valueOrFault<Value>(read: () => Value): { readonly value: Value } | { readonly fault: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof UserError) return { fault: error.message };
    // A file that cannot be read, or that went meanwhile.
    if (error instanceof Error && 'syscall' in error) return { fault: error.message };
    throw error;
  }
}
