import { required } from '../../foundation/required';
import type { Optimizer } from './optimizer';

/** Parameters that are updated alike: a group of parameters of PyTorch's optimisers. */
export interface ParameterGroup {
  readonly names: readonly string[];
  /** The rule of all groups, with hyperparameters of its own. */
  readonly optimizer: Optimizer;
  /** What the learning rate is multiplied with for them. */
  readonly rateFactor: number;
}

/** The groups that a program's parameters are updated in; one where nothing is said of groups. */
export class UpdateGroups {
  private readonly groups: readonly Omit<ParameterGroup, 'names'>[];
  /** By parameter; undefined where there is one group of all. */
  private readonly groupOf: ReadonlyMap<string, number> | undefined;

  /** @param groups of which each trained parameter is in one; undefined where all are updated alike. */
  constructor(
    readonly optimizer: Optimizer,
    groups: readonly ParameterGroup[] | undefined,
  ) {
    this.groups = groups ?? [{ optimizer, rateFactor: 1 }];
    this.groupOf = groups && new Map(groups.flatMap(({ names }, place) => names.map((name) => [name, place] as const)));
  }

  /** The group of a parameter, and its rule. @throws Error for one that is in no group. */
  of(name: string): { readonly group: number; readonly optimizer: Optimizer } {
    const group = this.groupOf === undefined ? 0 : required(this.groupOf.get(name), `the group of the parameter ${name}`);
    return { group, optimizer: required(this.groups[group], `the group ${group} of parameters`).optimizer };
  }

  /** What each group's rule makes of the learning rate, in the order of the groups: its scalars for tensors or, `inGraph`, for a graph. */
  scalars(learningRate: number, step: number, inGraph: boolean): Readonly<Record<string, number>>[] {
    return this.groups.map(({ optimizer, rateFactor }) => {
      const rate = learningRate * rateFactor;
      return inGraph ? optimizer.graphScalars(rate, step) : optimizer.scalars(rate, step);
    });
  }
}
