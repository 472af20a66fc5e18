/** Which losses of a log are discarded after an event: those that a resume, an explosion or a repeated iteration replaced. */
import type { LoggedEvent } from './logged-event.ts';

export interface KeptLosses {
  /** Training losses of later iterations are void. */
  readonly trained: number;
  /** Validation losses of later iterations are void. */
  readonly evaluated: number;
}

/** What an event leaves of the losses before it; undefined if it leaves all of them. */
export function keptLosses(event: LoggedEvent): KeptLosses | undefined {
  switch (event.type) {
    case 'started':
      if (event.start !== 'resumed') return { trained: 0, evaluated: 0 };
      // In logs of version 1, the start of a resumed run has no iteration: the next `iteration` event shows it.
      return event.iteration === undefined
        ? undefined
        : { trained: event.iteration, evaluated: event.iteration };
    case 'restored':
    case 'continued':
      return { trained: event.iteration, evaluated: event.iteration };
    case 'evaluated':
      // An evaluation comes before the event of its iteration, but after it if a resumed run had to make up for it.
      return { trained: event.iteration, evaluated: event.iteration - 1 };
    case 'iteration':
      return { trained: event.iteration - 1, evaluated: event.iteration };
    default:
      return undefined;
  }
}
