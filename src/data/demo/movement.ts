/** What a stroke does to a hand at one moment, about the middle of the stroke. */
export interface Displacement {
  /** Along the sign's axis, −0.5 … 0.5. */
  readonly along: number;
  /** Across it, −0.5 … 0.5. */
  readonly across: number;
  /** Turn of the hand in its plane, in radians. */
  readonly turn: number;
  /** Which hand shape: 0 the first, 1 the second. */
  readonly shape: number;
}

/**
 * The forms that a stroke can have. Each but `tap` spends as long on one side of its middle as on the other, so that forms of one sign family cannot be
 * told apart by where the hand is on average.
 */
export type MovementForm = 'line' | 'arc' | 'circle' | 'zigzag' | 'shake' | 'tap' | 'morph' | 'flutter' | 'twist';

/** A form, and whether it runs from its start to its end or back. */
export interface Movement {
  readonly form: MovementForm;
  readonly reversed: boolean;
  /** True where the form is turned by a right angle from the family's axis. */
  readonly crosswise: boolean;
}

/** The displacement at `phase` (0 … 1) of a stroke. A reversed movement is the same one, run backwards in time. */
export function displacementAt(movement: Movement, phase: number): Displacement {
  const displacement = forms[movement.form](movement.reversed ? 1 - phase : phase);
  return movement.crosswise ? { ...displacement, along: displacement.across, across: displacement.along } : displacement;
}

const still: Displacement = { along: 0, across: 0, turn: 0, shape: 0.5 };

/** From −1 to 1, starting and ending softly. */
const sweep = (phase: number): number => -Math.cos(Math.PI * phase);

const forms: Readonly<Record<MovementForm, (phase: number) => Displacement>> = {
  line: (phase) => ({ ...still, along: 0.5 * sweep(phase) }),
  arc: (phase) => ({ ...still, along: 0.5 * sweep(phase), across: 0.6 * (2 / Math.PI - Math.sin(Math.PI * phase)), shape: phase }),
  circle: (phase) => ({ ...still, along: -0.4 * Math.cos(2 * Math.PI * phase), across: 0.4 * Math.sin(2 * Math.PI * phase) }),
  zigzag: (phase) => ({ ...still, along: 0.5 * sweep(phase), across: 0.25 * Math.sin(5 * Math.PI * phase) }),
  shake: (phase) => ({ ...still, along: -0.4 * Math.cos(5 * Math.PI * phase) }),
  tap: (phase) => ({ ...still, along: 0.5 - 0.8 * Math.abs(Math.sin(3 * Math.PI * phase)) }),
  morph: (phase) => ({ ...still, along: 0.15 * sweep(phase), shape: 0.5 + 0.5 * sweep(phase) }),
  flutter: (phase) => ({ ...still, shape: 0.5 - 0.5 * Math.cos(5 * Math.PI * phase) }),
  twist: (phase) => ({ ...still, turn: 0.7 * Math.sin(4 * Math.PI * phase) }),
};
