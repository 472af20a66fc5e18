/**
 * Generates texts like the original's `sample`: the state starts at zero and reads the prompt; then each token is drawn from the prediction
 * after the previous one. Without a prompt the first token is uniform over the vocabulary, and uses one random number like any other.
 *
 * The pool computes all texts in one batch. The tokens of a text do not depend on the other texts.
 */
import type { DrawPlace, HeldUnit } from '../engine/engine.ts';
import { PredictionReader, type TokenDetails } from '../model/token-details.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import { type Controls, canDraw } from './choice/controls.ts';
import type { Constraint } from './form/constraint.ts';
import type { SequencePool } from './pool/pool.ts';
import type { RequestHandle } from './pool/request.ts';
import { Sequence, type SequencePiece } from './sequence.ts';
import type { Limits } from './stops.ts';

export interface TextToGenerate {
  readonly prompt: readonly number[];
  readonly generator: MersenneTwister;
  /** The form that the text must have. */
  readonly constraint?: Constraint | undefined;
}

export interface TokenGeneration {
  readonly pool: SequencePool;
  readonly controls: Controls;
  readonly limits: Limits;
  readonly texts: readonly TextToGenerate[];
  /** How many alternatives to list in the details of each token. Default: no details. */
  readonly alternatives?: number | undefined;
  /** Units to hold while the texts are written, but not while their prompts are read. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  /** `device` only if `checkDeviceDraws` allows it. Default: `host`. */
  readonly draws?: DrawPlace | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The next tokens of a text. */
export interface TokenPiece extends SequencePiece<TokenDetails> {
  /** The index of the text. */
  readonly index: number;
}

/** Maximum texts in a batch. More would hardly be faster, and take memory. */
const MAX_CONCURRENT = 128;

/**
 * Yields the next piece of each text that has new tokens. The last piece of a text says why it ended. Nothing is computed while the
 * caller handles them.
 *
 * @throws the signal's reason when it is aborted
 */
export async function* generateTokens(
  generation: TokenGeneration,
): AsyncGenerator<readonly TokenPiece[], void, void> {
  const { pool, texts, hold, draws, signal } = generation;
  const ready = new ReadyTexts();
  const sequences = makeSequences(generation, (index) => ready.add(index));
  sequences.forEach((sequence, index) => {
    if (sequence.ending) ready.add(index);
  });
  const waiting = groupsOf(
    texts,
    [...sequences.keys()].filter((index) => !sequences[index]?.ending),
  );
  const handles = new Set<RequestHandle>();
  const begin = (group: readonly number[]) => {
    const handle = pool.start({
      prompt: texts[group[0] as number]?.prompt ?? [],
      sequences: group.map((index) => sequences[index] as Sequence<TokenDetails>),
      hold,
      draws,
      onFailure: (error) => ready.fail(error),
    });
    handles.add(handle);
  };
  const abort = () => ready.fail(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    for (let left = sequences.length, active = 0; left > 0; ) {
      signal?.throwIfAborted();
      for (let [next] = waiting; next && (active === 0 || active + next.length <= MAX_CONCURRENT); ) {
        active += next.length;
        begin(next);
        waiting.shift();
        [next] = waiting;
      }
      for (const handle of handles) handle.pause(false);
      const indices = await ready.take();
      for (const handle of handles) handle.pause(true);
      const pieces = indices.map((index) => ({
        index,
        ...(sequences[index] as Sequence<TokenDetails>).flush(),
      }));
      const ended = pieces.filter(({ ending }) => ending);
      left -= ended.length;
      active = Math.max(0, active - ended.length);
      yield pieces;
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    for (const handle of handles) handle.cancel();
  }
}

function makeSequences(
  { pool, controls, limits, texts, draws, alternatives }: TokenGeneration,
  onMore: (index: number) => void,
): Sequence<TokenDetails>[] {
  const reader =
    alternatives === undefined ? undefined : new PredictionReader(controls.vocabularySize, alternatives);
  const isEngineSampled = draws === 'device' || canDraw(pool.engine, controls);
  return texts.map(
    ({ generator, constraint }, index) =>
      new Sequence({
        ...{ controls, limits, generator, constraint, isEngineSampled },
        describe: reader && ((row, token, probability) => reader.describe(row, 0, token, probability)),
        onMore: () => onMore(index),
      }),
  );
}

/** Groups the texts by prompt, so that each prompt is read once. A group has at most `MAX_CONCURRENT` texts. */
function groupsOf(texts: readonly TextToGenerate[], indices: readonly number[]): number[][] {
  const groups: number[][] = [];
  const open = new Map<readonly number[], number[]>();
  for (const index of indices) {
    const { prompt } = texts[index] as TextToGenerate;
    const group = open.get(prompt);
    if (group && group.length < MAX_CONCURRENT) {
      group.push(index);
      continue;
    }
    open.set(prompt, [index]);
    groups.push(open.get(prompt) as number[]);
  }
  return groups;
}

/** The texts that have new tokens; a loop waits for them. */
class ReadyTexts {
  readonly #indices = new Set<number>();
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  add(index: number): void {
    this.#indices.add(index);
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** Waits until some texts have new tokens, and returns their indices. @throws the error passed to `fail` */
  async take(): Promise<number[]> {
    while (this.#indices.size === 0 && !this.#failure) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure) throw this.#failure.error;
    const indices = [...this.#indices].sort((a, b) => a - b);
    this.#indices.clear();
    return indices;
  }
}
