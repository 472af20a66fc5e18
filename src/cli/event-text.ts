/** Events that need a sentence, in the words of the live view and of the plain log alike. */
import type { RestoredEvent, SkippedEvent } from '../train/events.ts';
import { formatCount } from '../util/format-number.ts';

export function skippedText({ iteration, cause, inARow, borne }: SkippedEvent): string {
  return `iteration ${iteration}: the ${cause} is not finite; step skipped (${inARow} of ${borne} before going back)`;
}

export function restoredText({ reason, iteration, learningRate, retry, retries }: RestoredEvent): string {
  return (
    `${reason}; back to iteration ${formatCount(iteration)} with half the learning rate, ` +
    `${Number(learningRate.toPrecision(4))} (retry ${retry} of ${retries})`
  );
}
