/** Writes the log of a run: one line of JSON per event, in `<savefile>.log.jsonl` next to the checkpoints (docs/log.md). */
import { fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { runFiles } from '../../checkpoint/storage/run-files.ts';
import type { TrainingObserver } from '../observers/observers.ts';
import { recordFile } from '../observers/record-file.node.ts';
import { encodeEvent } from './logged-event.ts';

/**
 * An observer that writes each event. A resumed run continues the file on a new line.
 *
 * @param folder Default: the folder of the checkpoints; without one, no log is written.
 */
export function eventLog(folder?: string): TrainingObserver {
  return recordFile({
    code: 'log-unwritable',
    pathOf({ writes, files, options }) {
      const place = folder ?? writes;
      return place === undefined ? undefined : join(place, (files ?? runFiles(options.saveName)).log);
    },
    beginning: (file) => (endsWithinLine(file) ? '\n' : ''),
    recordOf: (event) => encodeEvent(event, new Date()),
  });
}

function endsWithinLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}
