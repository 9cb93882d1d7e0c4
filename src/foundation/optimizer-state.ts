/** What an optimiser remembers between its steps. */
export interface OptimizerState {
  /** Updates done so far; undefined where it does not count them, as SGD. */
  readonly step: number | undefined;
  /** By slot (`exp_avg`), then by parameter. A parameter that never had a gradient is absent. */
  readonly slots: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;
}

/** A hyperparameter as PyTorch's group of parameters holds it; `betas` are a pair. */
export type Hyperparameter = null | boolean | string | number | readonly number[];

/** Hyperparameters under PyTorch's names. */
export type Hyperparameters = Readonly<Record<string, Hyperparameter>>;

/** What an optimiser's state_dict looks like in PyTorch: enough to write one, and to read any that it can go on from. */
export interface OptimizerForm {
  /** Its class in `torch.optim`. */
  readonly className: string;
  /** A key of its group or its state by which it is known, where no optimiser of PyTorch has that key; those of PyTorch are told apart without. */
  readonly mark?: string;
  /** What the state holds of a parameter, of the parameter's own shape: by key, in words. */
  readonly slots: Readonly<Record<string, string>>;
  /** Whether the state counts each parameter's updates, as `step`. */
  readonly countsSteps: boolean;
  /** All keys of its group of parameters but `params`, in PyTorch's order, with PyTorch's defaults. */
  readonly group: Hyperparameters;
  /** The keys of the group, beside `lr`, that it computes with. */
  readonly hyperparameters: readonly string[];
  /** The keys of the group with which it computes as its defaults say and no other way. */
  readonly fixed: readonly string[];
}
