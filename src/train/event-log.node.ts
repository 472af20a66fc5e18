/** The log of a run: one JSON object for each event, a line each, in `<savefile>.log.jsonl` beside the checkpoints (docs/log.md). */
import { fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { runFiles } from '../formats/run-files.ts';
import type { TrainingEvent } from './events.ts';
import { recorded } from './recorded.node.ts';

/** Passes events on, each after it was written; a run that goes on in the file begins a new line. */
export function logged(
  events: AsyncIterable<TrainingEvent>,
  folder: string | undefined,
): AsyncIterable<TrainingEvent> {
  if (folder === undefined) return events;
  return recorded(events, {
    code: 'log-unwritable',
    pathOf: ({ writes = folder, files, options }) => join(writes, (files ?? runFiles(options.saveName)).log),
    beginning: (file) => (endsWithinLine(file) ? '\n' : ''),
    recordOf: (event) => `${JSON.stringify({ time: new Date().toISOString(), ...withoutModel(event) })}\n`,
  });
}

function endsWithinLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** The event's facts, without the model itself. */
function withoutModel(event: TrainingEvent): object {
  if (event.type !== 'finished') return event;
  const { checkpoint: _, ...facts } = event;
  return facts;
}
