/** The computation of a completion request: starts its choices in the model's pool and collects their texts. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { HeldUnit } from '../../engine/engine.ts';
import { type Controls, canDraw, resolveControls } from '../../sample/choice/controls.ts';
import type { AutomatonLimits } from '../../sample/form/automaton.ts';
import { resolveForm } from '../../sample/form/form.ts';
import { resolveHold } from '../../sample/hold.ts';
import type { SequencePool } from '../../sample/pool/pool.ts';
import type { Sequence } from '../../sample/sequence.ts';
import { sequenceSeed } from '../../sample/sequence-seed.ts';
import { limitsSchema, resolveLimits } from '../../sample/stops.ts';
import { checkOptions } from '../../util/check-options.ts';
import { Job } from '../job.ts';
import type { ServedModel } from '../served-model.ts';
import { Choice } from './choice.ts';
import type { CompletionRequest, Prompt } from './completion-request.ts';
import { checkTokenIds, encodeText, unknownToken } from './encode-text.ts';
import { codePointsOf } from './text-pieces.ts';
import { type RatedToken, rateToken } from './token-logprobs.ts';

// Defaults of the limits that a request can't set. The request's values were checked when its fields were parsed.
const LIMITS = checkOptions(limitsSchema, {});

/**
 * Limits on the automaton of a request's form. Every running or waiting request may have one, so each may take only a few megabytes. A token
 * costs at most one visit to each state.
 */
const FORM_LIMITS: AutomatonLimits = { states: 2500, setTokens: 500_000, kept: 250_000 };

/** A prompt and its choices. */
interface Branch {
  readonly prompt: readonly number[];
  readonly choices: readonly Choice[];
}

export class Completion {
  readonly request: CompletionRequest;
  readonly id = crypto.randomUUID().replaceAll('-', '');
  readonly vocabulary: Vocabulary;
  readonly created = Math.floor(Date.now() / 1000);
  readonly promptTokens: number;
  cachedTokens = 0;
  /** Called when a choice has more tokens, or has ended. */
  onMore: (choice: Choice, index: number) => void = () => {};
  /** Called once, before the first call of `onMore`. */
  onFirst: () => void = () => {};
  readonly job = new Job();
  readonly #branches: readonly Branch[];
  readonly #controls: Controls;
  readonly #hold: readonly HeldUnit[] | undefined;

  /**
   * @throws {ApiError} 400 if the request does not fit the model
   */
  constructor(request: CompletionRequest, served: ServedModel) {
    const { vocabulary, config } = served.model;
    this.request = request;
    this.vocabulary = vocabulary;
    this.#controls = resolveControls(vocabulary, {
      ...request.controls,
      bias: biasOf(vocabulary, request.bias),
    });
    this.#hold = resolveHold(config, [...request.hold]);
    const limits = resolveLimits(vocabulary, {
      ...LIMITS,
      length: request.maxTokens,
      stop: [...request.stop],
    });
    const form = resolveForm(vocabulary, request.form, this.#controls, request.maxTokens, FORM_LIMITS);
    const prompts = request.prompts.map((prompt) => tokensOf(vocabulary, prompt, request));
    this.promptTokens = prompts.reduce((sum, prompt) => sum + prompt.length, 0);
    let count = 0;
    const { logprobs, echo } = request;
    this.#branches = prompts.map((prompt) => {
      const offset = logprobs === undefined || echo ? 0 : codePointsOf(vocabulary, prompt);
      const isRanked = request.bestOf > request.n;
      const choices = Array.from({ length: request.bestOf }, () => {
        const seed = sequenceSeed(request.seed, count++);
        const controls = this.#controls;
        const constraint = form?.();
        return new Choice({ vocabulary, controls, limits, seed, logprobs, offset, isRanked, constraint });
      });
      return { prompt, choices };
    });
  }

  /** Number of sequences that it needs. */
  get size(): number {
    return this.#branches.length * this.request.bestOf;
  }

  get completionTokens(): number {
    return this.#choices.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  }

  get #choices(): Choice[] {
    return this.#branches.flatMap(({ choices }) => choices);
  }

  start(pool: SequencePool): void {
    let hasBegun = false;
    let left = this.size;
    const isEngineSampled = canDraw(pool.engine, this.#controls);
    this.#choices.forEach((choice, index) => {
      choice.onMore = () => {
        if (!hasBegun) this.onFirst();
        hasBegun = true;
        this.onMore(choice, index);
        if (choice.finishReason === null) return;
        left--;
        if (left === 0) this.job.finish();
      };
    });
    for (const branch of this.#branches) {
      const sequences = branch.choices.map((choice) => choice.begin(isEngineSampled));
      this.#startBranch(pool, branch, sequences);
    }
  }

  /** The choices to return: the likeliest `n` of each prompt, the likeliest first. */
  best(): Choice[] {
    const { n, bestOf } = this.request;
    if (bestOf === n) return this.#choices;
    return this.#branches.flatMap(({ choices }) =>
      [...choices].sort((a, b) => b.meanLogprob - a.meanLogprob).slice(0, n),
    );
  }

  #startBranch(
    pool: SequencePool,
    { prompt, choices }: Branch,
    sequences: readonly Sequence<RatedToken>[],
  ): void {
    const { echo, logprobs } = this.request;
    const rated: RatedToken[] = [];
    const rates = echo && logprobs !== undefined;
    const handle = pool.start({
      prompt,
      sequences: sequences.filter(({ ending }) => ending === undefined),
      hold: this.#hold,
      ...(rates && {
        onPrompt: (position, row) => {
          const token = rateToken(prompt[position] as number, row, logprobs);
          rated.push(position === 0 ? { ...token, logprob: undefined } : token);
        },
      }),
      onRead: ({ cachedTokens }) => {
        this.cachedTokens += cachedTokens;
        for (const choice of choices) {
          if (echo) choice.echo(prompt, rated);
          if (choice.finishReason) choice.onMore();
        }
      },
      onFailure: (error) => this.job.cancel(error),
    });
    this.job.add(handle);
  }
}

/** The bias by symbol, as the controls expect it. */
function biasOf(vocabulary: Vocabulary, bias: ReadonlyMap<number, number>): Record<string, number> {
  return Object.fromEntries(
    Array.from(bias, ([token, value]) => {
      const symbol = vocabulary.symbols[token];
      if (symbol === undefined) throw unknownToken('logit_bias', token, vocabulary);
      return [symbol, value];
    }),
  );
}

function tokensOf(
  vocabulary: Vocabulary,
  prompt: Prompt,
  { unknown, paramNames }: CompletionRequest,
): readonly number[] {
  if (typeof prompt === 'string') return encodeText(vocabulary, prompt, unknown, paramNames.prompt);
  checkTokenIds(vocabulary, prompt, paramNames.prompt);
  return prompt;
}
