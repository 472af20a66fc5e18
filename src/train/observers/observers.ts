/** Observers of a run get its events before the program that consumes them: the advisor, the log, TensorBoard, or the program's own. */
import { OptionError } from '../../errors.ts';
import { kindOf } from '../../util/check-content.ts';
import type { TrainingEvent } from '../events.ts';

export interface TrainingObserver {
  /**
   * Called with each event, in order. The run waits for it. An error that it throws ends the run.
   *
   * @returns events to add. They follow the event, except that `finished` stays last. Later observers in the list get them too.
   */
  observe(event: TrainingEvent): AddedEvents | Promise<AddedEvents>;
  /** Called once at the end of a run, however it ends, if it has begun. */
  close?(): void | Promise<void>;
}

type AddedEvents = Iterable<TrainingEvent> | undefined;

/**
 * @param observers Default: none.
 * @throws {OptionError} for a value that is not a list of observers
 */
export function checkObservers(observers: unknown): void {
  if (observers === undefined) return;
  if (!Array.isArray(observers))
    throw new OptionError('observers', `got ${kindOf(observers)}, expected an array`);
  if (!observers.every((observer) => typeof observer?.observe === 'function'))
    throw new OptionError('observers', 'each must have the method observe');
}

/** Passes on events, with those that observers add. Each event is passed on after all observers have seen it. */
export async function* notifyObservers(
  events: AsyncIterable<TrainingEvent>,
  observers: readonly TrainingObserver[],
): AsyncGenerator<TrainingEvent, void, void> {
  try {
    for await (const event of events) yield* await notifyAll(event, observers);
  } finally {
    await closeAll(observers);
  }
}

/** Calls each observer with an event and with the events that earlier observers have added. */
async function notifyAll(
  event: TrainingEvent,
  observers: readonly TrainingObserver[],
): Promise<readonly TrainingEvent[]> {
  let events: readonly TrainingEvent[] = [event];
  for (const observer of observers) {
    const next: TrainingEvent[] = [];
    for (const one of events) {
      const added = (await observer.observe(one)) ?? [];
      next.push(...(one.type === 'finished' ? [...added, one] : [one, ...added]));
    }
    events = next;
  }
  return events;
}

/** Closes all observers, even if one fails, and throws the first error. */
async function closeAll([first, ...others]: readonly TrainingObserver[]): Promise<void> {
  if (!first) return;
  try {
    await closeAll(others);
  } finally {
    await first.close?.();
  }
}
