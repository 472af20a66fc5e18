/** Prompts as the calls of the engine that read them. */
import { NO_TOKEN } from '../engine/engine.ts';

/** Steps of one call: few enough that an abort is soon heeded, many enough that a call costs nothing beside them. */
const MAX_STEPS = 4096;

export interface PromptBlock {
  /** [T, rows]: see `ReadTokens`. */
  readonly tokens: Int32Array;
  /** How many of the prompts, from the first on, read in this block. */
  readonly rows: number;
}

/**
 * Prompts of different lengths, cut into blocks so that all end together. Empty ones read nothing.
 *
 * @param prompts The longest first.
 */
export function* promptBlocks(prompts: readonly (readonly number[])[]): Generator<PromptBlock, void, void> {
  let left = prompts[0]?.length ?? 0;
  while (left > 0) {
    const steps = Math.min(MAX_STEPS, left);
    // Those that have begun by the end of the block.
    const reading = prompts.filter(({ length }) => length > left - steps);
    const rows = reading.length;
    const tokens = new Int32Array(steps * rows).fill(NO_TOKEN);
    reading.forEach((prompt, row) => {
      for (let step = Math.max(0, left - prompt.length); step < steps; step++)
        tokens[step * rows + row] = prompt[prompt.length - left + step] as number;
    });
    yield { tokens, rows };
    left -= steps;
  }
}
