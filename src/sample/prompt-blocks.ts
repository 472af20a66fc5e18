/** Cuts prompts into the blocks of `readTokens` calls. */
import { type Engine, NO_TOKEN, type ReadTokens } from '../engine/engine.ts';
import type { TurnTaker } from '../util/event-loop.ts';

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

/**
 * Reads prompts block by block. Those of one length end together.
 *
 * @param into Where each prompt is read, in their order.
 * @param prompts The longest first.
 * @throws the signal's reason when it is aborted
 */
export async function readPrompts(
  engine: Engine,
  into: Omit<ReadTokens, 'tokens'>,
  prompts: readonly (readonly number[])[],
  turns: TurnTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isUnderWay = false;
  for (const { tokens, rows } of promptBlocks(prompts)) {
    // Waits for the block before: with all of them enqueued at once, an abort would be heeded after the last.
    if (isUnderWay) await engine.read(into.output, { offset: 0, count: 1 });
    await turns.take();
    signal?.throwIfAborted();
    engine.readTokens({ ...into, slots: into.slots.subarray(0, rows), tokens });
    isUnderWay = true;
  }
}
