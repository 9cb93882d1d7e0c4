/** What a verb of the library tells while it works, as data: whoever shows it makes the sentences. */
export type WorkEvent = Note | Progress;

/** Something worth a line: a note tells what was taken or left out, a warning what is not as it should be. */
export interface Note {
  readonly kind: 'note' | 'warning';
  readonly text: string;
}

/** How far something that takes its time has come. */
export interface Progress {
  /** What is counted: clips that were read and checked, whose features were computed, that were written; checkpoints that are imported. */
  readonly kind: 'clips-read' | 'clips-computed' | 'clips-written' | 'checkpoint-import';
  readonly done: number;
  readonly total: number;
  /** The file that comes next, where one is named. */
  readonly file?: string;
  /** Pictures that went through the network so far, where features are computed. */
  readonly frames?: number;
}

/** How a verb of the library is watched and stopped; `Further` are the events that it alone has. */
export interface Hooks<Further = never> {
  /** Aborted: the work ends with the signal's reason, at the next batch, clip or file. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: WorkEvent | Further) => void;
  /** Whether TensorFlow's own messages are let through to stderr. */
  readonly verbose?: boolean;
  /** Where what can be made again is kept, as features of pictures; the user's cache folder otherwise. */
  readonly cacheFolder?: string;
}

/** Takes warnings, a line each. */
export function warningsTo({ onEvent }: Pick<Hooks, 'onEvent'>): (text: string) => void {
  return (text) => onEvent?.({ kind: 'warning', text });
}

/** Takes notes, a line each. */
export function notesTo({ onEvent }: Pick<Hooks, 'onEvent'>): (text: string) => void {
  return (text) => onEvent?.({ kind: 'note', text });
}
