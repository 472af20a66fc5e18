/** What all formats say of a damaged file. */
import { CheckpointError } from '../errors.ts';

/** @param what Is wrong, without the full stop. */
export function malformed(file: string, what: string): CheckpointError {
  return new CheckpointError('checkpoint-malformed', `${file}: ${what}. The file is damaged.`);
}
