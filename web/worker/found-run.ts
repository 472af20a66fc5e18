/** The record of a run, from its checkpoint: there was no space for the record, or the page was closed before it was written. */
import { openCheckpoint } from '../../src/formats/open.ts';
import { recordOf } from './run-end.ts';
import type { RunFolder, RunRecord } from './stored-runs.ts';

/** @returns undefined if the checkpoint can't be read, or has no state to continue from */
export async function foundRecord(folder: RunFolder): Promise<RunRecord | undefined> {
  try {
    const { training } = openCheckpoint(await folder.checkpoint('last'), 'last.safetensors');
    // The name of its text was in the record.
    return training && recordOf(training, `run-${folder.id}`);
  } catch {
    return undefined;
  }
}
