/** A run as TensorBoard reads it: an event file in `<folder>/<savefile>/` for each time that the run is started or resumed. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { scalarsRecord, startRecord, textRecord, versionRecord } from '../formats/event-file.ts';
import { makeFolder } from '../util/make-folder.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { TrainingEvent, WarningEvent } from './events.ts';

/**
 * Passes events on, each after it was written. The file is made at the first iteration: a run that trains nothing leaves none.
 *
 * A file that can't be written is said once, and stops nothing.
 */
export async function* boarded(
  events: AsyncIterable<TrainingEvent>,
  folder: string | undefined,
): AsyncGenerator<TrainingEvent, void, void> {
  if (folder === undefined) {
    yield* events;
    return;
  }
  const early: TrainingEvent[] = [];
  let saveName = '';
  let board: Board | undefined;
  try {
    for await (const event of events) {
      if (event.type === 'started') saveName = event.options.saveName;
      if (event.type === 'iteration' || event.type === 'evaluated')
        board ??= await Board.open(join(folder, saveName), event.iteration);
      if (!board) early.push(event);
      else for (const pending of [...early.splice(0), event]) board.write(pending);
      const warning = board?.takeWarning();
      if (warning) yield warning;
      yield event;
    }
  } finally {
    board?.close();
  }
}

class Board {
  readonly #path: string;
  #file: number | undefined;
  #warning: WarningEvent | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param iteration The first that will be written: what the folder holds from it on is of a run that was cut. */
  static async open(folder: string, iteration: number): Promise<Board> {
    const seconds = Math.floor(Date.now() / 1000);
    // Readers take the files of a folder in the order of their names.
    const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.0`);
    const board = new Board(path);
    try {
      await makeFolder(folder);
      board.#file = openSync(path, 'a');
    } catch (error) {
      board.#fail(error);
    }
    board.#append(versionRecord(seconds));
    board.#append(startRecord(seconds, iteration));
    return board;
  }

  write(event: TrainingEvent): void {
    const record = recordOf(event, Date.now() / 1000);
    if (record) this.#append(record);
  }

  /** What went wrong, once. */
  takeWarning(): WarningEvent | undefined {
    const warning = this.#warning;
    this.#warning = undefined;
    return warning;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #append(record: Uint8Array): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, record);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.close();
    const message = `${this.#path} can't be written: ${describeSystemError(error)}. Training goes on without it.`;
    this.#warning = { type: 'warning', code: 'tensorboard-unwritable', message };
  }
}

/** What of an event TensorBoard shows. */
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
      return startRecord(seconds, event.iteration + 1);
    default:
      return undefined;
  }
}

/** A block of code in Markdown: shown as it is, with its lines. */
function asCode(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
