/** Errors of Torch7 files. */
import { CheckpointError, type Torch7ErrorCode } from '../../errors.ts';

/** A problem in a file whose name is not known yet. The message has no full stop. */
export class Torch7Fault extends Error {
  readonly code: Torch7ErrorCode;

  constructor(code: Torch7ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function malformed(message: string): Torch7Fault {
  return new Torch7Fault('torch7-malformed', message);
}

/** The error for an intact file whose model is not supported. */
export function unsupported(message: string): Torch7Fault {
  return new Torch7Fault('torch7-unsupported', message);
}

/** Returns the result of `read`. Converts its faults to errors that name the file. */
export function namingFile<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Torch7Fault)) throw error;
    const damage = error.code === 'torch7-malformed' ? ' The file is damaged.' : '';
    throw new CheckpointError(error.code, `${name}: ${error.message}.${damage}`, { cause: error });
  }
}
