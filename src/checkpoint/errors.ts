/** The error of all formats for a damaged file. */
import { CheckpointError } from '../errors.ts';

/** @param what The problem, without a full stop. */
export function malformed(file: string, what: string): CheckpointError {
  return new CheckpointError('checkpoint-malformed', `${file}: ${what}. The file is damaged.`);
}
