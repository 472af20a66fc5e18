/** Constrained output: makes a constraint on tokens from a regular expression or a template. */
import * as z from 'zod/mini';
import type { Vocabulary } from '../../data/vocabulary.ts';
import { OptionError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { option } from '../../util/option-info.ts';
import type { Controls } from '../choice/controls.ts';
import {
  AUTOMATON_LIMITS,
  Automaton,
  type AutomatonLimits,
  type AutomatonState,
  NEVER,
} from './automaton.ts';
import type { Constraint } from './constraint.ts';
import { parseExpression } from './expression.ts';
import { parseTemplate } from './template.ts';

/** Options that every schema of sampling options includes. */
export const formOptions = {
  match: option(z.optional(z.string()), {
    flag: 'match',
    group: 'Form of a text',
    help: 'a regular expression that the whole sample must match',
    value: 'REGEX',
  }),
  template: option(z.optional(z.string()), {
    flag: 'template',
    escapes: true,
    group: 'Form of a text',
    help: 'fixed and free parts: "Dear ____, … Yours, ____"',
  }),
};

export const formSchema = z.strictObject(formOptions);
export type FormOptions = z.output<typeof formSchema>;

/**
 * Returns a function that makes the constraint of a new text; undefined if any text is allowed.
 *
 * @param length Maximum tokens of the text.
 * @param limits Limits on the size of the automaton. Default: those for forms that the user wrote.
 * @throws {OptionError} for an expression or a template that is invalid, or that no text of this length matches
 */
export function resolveForm(
  vocabulary: Vocabulary,
  { match, template }: FormOptions,
  { logitBias }: Pick<Controls, 'logitBias'>,
  length: number,
  limits: AutomatonLimits = AUTOMATON_LIMITS,
): (() => Constraint) | undefined {
  if (match === undefined && template === undefined) return undefined;
  if (match !== undefined && template !== undefined) {
    throw new OptionError(
      'template',
      'it cannot be combined with `match`: write the whole form as a template or as an expression',
    );
  }
  const name = match === undefined ? 'template' : 'match';
  const expression =
    match === undefined
      ? parseTemplate(vocabulary.normalized(template ?? ''), vocabulary.kind)
      : parseExpression(vocabulary.normalized(match), vocabulary.kind);
  const usable = Uint8Array.from({ length: vocabulary.size }, (_, token) =>
    logitBias?.[token] === Number.NEGATIVE_INFINITY || token === vocabulary.unknownToken ? 0 : 1,
  );
  const automaton = new Automaton(expression, vocabulary, usable, name, limits);
  const { distance } = automaton.start;
  if (distance > length) {
    throw new OptionError(
      name,
      `the shortest text that it allows has ${formatCount(distance)} symbols, more than the length of ${formatCount(length)}`,
    );
  }
  return () => new FormConstraint(automaton, automaton.start, length);
}

/** Follows a text through the automaton. The text is never further from a match than it has tokens left. */
class FormConstraint implements Constraint {
  readonly #automaton: Automaton;
  #state: AutomatonState;
  /** How many more tokens the text may have. */
  #left: number;

  constructor(automaton: Automaton, state: AutomatonState, left: number) {
    this.#automaton = automaton;
    this.#state = state;
    this.#left = left;
  }

  get isComplete(): boolean {
    return this.#state.nearest >= Math.min(this.#left, NEVER);
  }

  allow(into: Uint8Array): void {
    const { distances } = this.#state;
    for (let token = 0; token < distances.length; token++) {
      into[token] = (distances[token] as number) < this.#left ? 1 : 0;
    }
  }

  advance(token: number): void {
    this.#state = this.#automaton.next(this.#state, token);
    this.#left--;
  }

  hurry(): void {
    this.#left = Math.min(this.#left, this.#state.distance);
  }

  fork(): Constraint {
    return new FormConstraint(this.#automaton, this.#state, this.#left);
  }
}
