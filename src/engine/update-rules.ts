/** The update rules of the optimizers: how many moments each keeps per parameter, and its own parameters. */

interface RuleFacts {
  /** The usual spelling of its name. */
  readonly title: string;
  /** Vectors that it keeps from update to update. */
  readonly moments: number;
  /** In the order in which the kernels read them. */
  readonly parameters: readonly string[];
}

/**
 * The rules, in the order of their numbers in the kernels. g: the gradient after clipping; t: the number of updates, including this one.
 *
 * - `rmsprop`, Tieleman & Hinton 2012: m = α·m + (1−α)·g²; w −= rate·g / (√m + ε).
 * - `adam`, Kingma & Ba 2015: m = β₁·m + (1−β₁)·g; v = β₂·v + (1−β₂)·g²; w −= rate·(m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε).
 */
export const UPDATE_RULES = {
  rmsprop: { title: 'RMSProp', moments: 1, parameters: ['alpha', 'epsilon'] },
  adam: { title: 'Adam', moments: 2, parameters: ['beta1', 'beta2', 'epsilon'] },
} as const satisfies Record<string, RuleFacts>;

export type UpdateRuleKind = keyof typeof UPDATE_RULES;

/** A rule with the values of its parameters. */
export type UpdateRule<K extends UpdateRuleKind = UpdateRuleKind> = {
  [R in K]: { readonly kind: R } & { readonly [P in (typeof UPDATE_RULES)[R]['parameters'][number]]: number };
}[K];

export const UPDATE_RULE_KINDS = Object.keys(UPDATE_RULES) as UpdateRuleKind[];

/** The largest number of moments that a rule keeps. */
export const MAX_MOMENTS = Math.max(...UPDATE_RULE_KINDS.map((kind) => UPDATE_RULES[kind].moments));

/** The values of a rule's parameters, in order. */
export function ruleNumbers(rule: UpdateRule): number[] {
  const numbers: Readonly<Partial<Record<string, number | string>>> = rule;
  return UPDATE_RULES[rule.kind].parameters.map((name) => numbers[name] as number);
}
