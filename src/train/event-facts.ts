/** Facts about a run in words, for the terminal and the pages. */
import { fixed } from '../util/c-format.ts';
import { formatBytes, formatCount } from '../util/format.ts';
import { judgeSize } from './advice/rules.ts';
import type { BaselineEvent, StartedEvent } from './events.ts';

/** Whether the model's size suits the text. */
export function judgeRunSize({ parameters, tokens, origins }: StartedEvent): ReturnType<typeof judgeSize> {
  return judgeSize(parameters, tokens, origins.hiddenSize === 'preset');
}

/** The memory that a run needs, and the free memory. */
export function memoryText({ memory, gpuMemory, freeMemory }: StartedEvent): string {
  const free = freeMemory === undefined ? '' : ` of ${formatBytes(freeMemory)} free`;
  const onGpu = gpuMemory === undefined ? '' : `, and about ${formatBytes(gpuMemory)} on the GPU`;
  return `about ${formatBytes(memory)}${free}${onGpu}`;
}

/** The loss of the count model, and how much of the text it was fitted to if the text is large. */
export function baselineText(
  { order, loss, trainTokens }: BaselineEvent,
  started: StartedEvent | undefined,
): string {
  const { batches, options } = started ?? {};
  const all = batches && options ? batches.train * options.batchSize * options.sequenceLength : trainTokens;
  const part =
    trainTokens < all
      ? `, fitted to the last ${formatCount(trainTokens)} ${options?.tokens}s of the training text,`
      : '';
  return `a count model of order ${order}${part} has ${fixed(loss, 4)}: the loss to beat`;
}
