/** Texts for events that the live view and the plain log share. */
import { judgeRunSize } from '../../train/event-facts.ts';
import type {
  CheckpointedEvent,
  EvaluatedEvent,
  RestoredEvent,
  SkippedEvent,
  StartedEvent,
  TimedEvent,
} from '../../train/events.ts';
import { trainingOptionsSchema } from '../../train/options.ts';
import { fixed } from '../../util/c-format.ts';
import { formatCount } from '../../util/format.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { inFlags } from '../arguments/flags-in-messages.ts';
import { formatDuration, formatMoment } from './duration-text.ts';

export function skippedText({ iteration, cause, consecutive, limit }: SkippedEvent): string {
  return `iteration ${iteration}: the ${cause} is not finite; update skipped (${consecutive} in a row; after ${limit}, the run returns to an earlier state)`;
}

export function restoredText({ reason, iteration, learningRate, retry, retries }: RestoredEvent): string {
  return (
    `${reason}; back to iteration ${formatCount(iteration)} with half the learning rate, ` +
    `${Number(learningRate.toPrecision(4))} (retry ${retry} of ${retries})`
  );
}

export function savedText({ path }: CheckpointedEvent): string {
  return `saved ${path}`;
}

/** The time that a run takes, and when it ends, as a range. */
export function timedFacts(event: TimedEvent, now = new Date()): string[] {
  const { milliseconds, epochMilliseconds, minRestMilliseconds: min, maxRestMilliseconds: max } = event;
  const [from, to] = [formatDuration(min), formatDuration(max)];
  const [first, last] = [min, max].map((rest) => formatMoment(new Date(now.getTime() + rest), now));
  return [
    `${formatDuration(milliseconds)} an iteration`,
    `${formatDuration(epochMilliseconds)} an epoch`,
    from === to ? `${to} left` : `${from} to ${to} left`,
    first === last ? `ends about ${last}` : `ends between ${first} and ${last}`,
  ];
}

/** Whether the model's size suits the text, in the words of the command line. */
export function judgeModelSize(event: StartedEvent): ReturnType<typeof judgeRunSize> {
  const { code, sentence } = judgeRunSize(event);
  return { code, sentence: inFlags(sentence, flagsOf(trainingOptionsSchema)) };
}

/** The folder that a run writes to and, if it is not the requested one, the reason. */
export function writesText({ writes = '', writesInstead }: StartedEvent): string {
  const folder = /[/\\]$/.test(writes) ? writes : `${writes}/`;
  return writesInstead === undefined ? folder : `${folder} (${writesInstead})`;
}

/** A validation loss, with its standard error if known. */
export function validationText({ validationLoss, standardError }: EvaluatedEvent, digits: number): string {
  const error = standardError === undefined ? '' : ` ± ${fixed(standardError, digits)}`;
  return fixed(validationLoss, digits) + error;
}
