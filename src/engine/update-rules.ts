/** The update rules that engines compute: how many moments each keeps for a parameter, and the numbers that it is given. */

interface RuleFacts {
  /** As people write it. */
  readonly title: string;
  /** Vectors that it carries from update to update. */
  readonly moments: number;
  /** In the order in which the kernels read them. */
  readonly parameters: readonly string[];
}

/**
 * In the order of the kernels' numbers. g: the gradient after clipping; t: the number of updates made, this one included.
 *
 * - `rmsprop`, Tieleman & Hinton 2012: m = α·m + (1−α)·g²; w −= rate·g / (√m + ε).
 * - `adam`, Kingma & Ba 2015: m = β₁·m + (1−β₁)·g; v = β₂·v + (1−β₂)·g²; w −= rate·(m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε).
 */
export const UPDATE_RULES = {
  rmsprop: { title: 'RMSProp', moments: 1, parameters: ['alpha', 'epsilon'] },
  adam: { title: 'Adam', moments: 2, parameters: ['beta1', 'beta2', 'epsilon'] },
} as const satisfies Record<string, RuleFacts>;

export type UpdateRuleKind = keyof typeof UPDATE_RULES;

/** A rule with its numbers. */
export type UpdateRule<K extends UpdateRuleKind = UpdateRuleKind> = {
  [R in K]: { readonly kind: R } & { readonly [P in (typeof UPDATE_RULES)[R]['parameters'][number]]: number };
}[K];

export const UPDATE_RULE_KINDS = Object.keys(UPDATE_RULES) as UpdateRuleKind[];

/** Moments of the rule that keeps most. */
export const MAX_MOMENTS = Math.max(...UPDATE_RULE_KINDS.map((kind) => UPDATE_RULES[kind].moments));

/** The numbers of a rule, in the order of its `parameters`. */
export function ruleNumbers(rule: UpdateRule): number[] {
  const numbers: Readonly<Partial<Record<string, number | string>>> = rule;
  return UPDATE_RULES[rule.kind].parameters.map((name) => numbers[name] as number);
}
