/** Writes event files for TensorBoard, in `<folder>/<savefile>/`: one file each time the run is started or resumed. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { scalarsRecord, startRecord, textRecord, versionRecord } from '../../formats/tensorboard.ts';
import { joinBytes } from '../../util/bytes.ts';
import type { TrainingEvent } from '../events.ts';
import type { TrainingObserver } from './observers.ts';
import { recordFile } from './record-file.node.ts';

/**
 * An observer that writes an event file. It makes TensorBoard drop the data of earlier files from its first iteration on, because these come
 * from iterations that a killed run had not saved.
 */
export function tensorBoard(folder: string): TrainingObserver {
  const now = () => Date.now() / 1000;
  return recordFile({
    code: 'tensorboard-unwritable',
    // Readers take the files of a folder in the order of their names.
    pathOf: ({ options: { saveName } }) =>
      join(folder, saveName, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}.0`),
    beginning: (_, iteration) => joinBytes([versionRecord(Math.floor(now())), startRecord(now(), iteration)]),
    recordOf: (event) => recordOf(event, now()),
  });
}

/** The record of an event; undefined if TensorBoard does not show it. */
function recordOf(event: TrainingEvent, seconds: number): Uint8Array | undefined {
  switch (event.type) {
    case 'iteration':
      return scalarsRecord(seconds, event.iteration, {
        'loss/train': event.trainLoss,
        'training/learning_rate': event.learningRate,
        'training/gradient_norm': event.gradientNorm,
        'training/parameter_norm': event.parameterNorm,
        'training/characters_per_second': (event.tokens * 1000) / event.milliseconds,
      });
    case 'evaluated':
      return scalarsRecord(seconds, event.iteration, { 'loss/validation': event.validationLoss });
    case 'sampled':
      return textRecord(seconds, event.iteration, 'sample', asCode(event.text));
    case 'restored':
    case 'continued':
      return startRecord(seconds, event.iteration + 1);
    default:
      return undefined;
  }
}

/** A text as a Markdown code block, which keeps its lines. */
function asCode(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
