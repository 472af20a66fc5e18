/** The log of a run as plain lines: the facts that the original prints, and iteration lines in its exact format. */
import { cellFacts } from '../../engine/cells.ts';
import { baselineText, memoryText } from '../../train/event-facts.ts';
import type { IterationEvent, StartedEvent, TrainingEvent } from '../../train/events.ts';
import { exponential, fixed } from '../../util/c-format.ts';
import { formatCount } from '../../util/format.ts';
import {
  judgeModelSize,
  restoredText,
  savedText,
  skippedText,
  timedFacts,
  validationText,
  writesText,
} from './event-text.ts';
import { cellAndLayers } from './model-text.ts';
import { note } from './note.ts';
import { PreparingLine } from './preparing-line.ts';

/** `i/iterations (epoch %.3f), train_loss = %6.8f, grad/param norm = %6.4e, time/batch = %.4fs` */
export function iterationLine(event: IterationEvent): string {
  const { iteration, iterations, epoch, trainLoss, gradientNorm, parameterNorm, milliseconds } = event;
  return (
    `${iteration}/${iterations} (epoch ${fixed(epoch, 3)}), train_loss = ${fixed(trainLoss, 8)}, ` +
    `grad/param norm = ${exponential(gradientNorm / parameterNorm, 4)}, time/batch = ${fixed(milliseconds / 1000, 4)}s`
  );
}

/** The facts before the first iteration, one per line. */
export function startedLines(event: StartedEvent): string[] {
  const { options } = event;
  const { train, validation, test } = event.batches;
  const { initialBias } = cellFacts(options.cell);
  return [
    `text: ${event.text.name}, ${formatCount(event.text.bytes)} bytes`,
    ...(event.text.documents === undefined ? [] : [`documents: ${formatCount(event.text.documents)}`]),
    `vocab size: ${event.vocabularySize}`,
    `number of data batches in train: ${train}, val: ${validation}, test: ${test}`,
    `model: ${cellAndLayers(options)}`,
    ...(initialBias && event.start === 'new'
      ? [`${initialBias.title} biases start at ${initialBias.value}`]
      : []),
    `number of parameters in the model: ${event.parameters}`,
    judgeModelSize(event).sentence,
    `memory: ${memoryText(event)}`,
    `device: ${event.engine}`,
    ...(event.writes === undefined ? [] : [`checkpoints: ${writesText(event)}`]),
  ];
}

export interface TrainingView {
  show(event: TrainingEvent): void;
  /** Prints a message that is not an event, such as the reaction to a signal. */
  note(message: string): void;
  /** Restores the terminal. */
  close(): void;
}

export function plainLog(): TrainingView {
  let printEvery = 1;
  let started: StartedEvent | undefined;
  const preparing = new PreparingLine();
  const line = (text: string) => process.stdout.write(`${text}\n`);
  return {
    show(event) {
      if (event.type === 'started') {
        started = event;
        printEvery = event.options.printEvery;
        startedLines(event).forEach(line);
      } else if (event.type === 'iteration') {
        if (event.iteration % printEvery === 0) line(iterationLine(event));
      } else if (event.type === 'evaluated') {
        line(`validation loss at iteration ${event.iteration}: ${validationText(event, 6)}`);
      } else if (event.type === 'sampled') {
        line(`sample: ${JSON.stringify(event.text)}`);
      } else if (event.type === 'checkpointed') {
        line(savedText(event));
      } else if (event.type === 'preparing') {
        const text = preparing.plain(event);
        if (text !== undefined) line(text);
      } else if (event.type === 'notice') {
        line(event.message);
      } else if (event.type === 'warning') {
        note(`warning: ${event.message}`);
      } else if (event.type === 'skipped') {
        note(skippedText(event));
      } else if (event.type === 'restored') {
        note(restoredText(event));
      } else if (event.type === 'advice') {
        // The lines at the start already contain it.
        if (!event.code.startsWith('model-')) note(event.message);
      } else if (event.type === 'baseline') {
        line(`baseline: ${baselineText(event, started)}`);
      } else if (event.type === 'timed') {
        line(`time: ${timedFacts(event).join(', ')}`);
      }
    },
    note,
    close() {},
  };
}
