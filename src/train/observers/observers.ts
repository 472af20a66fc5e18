/** Those who watch a run beside the program that consumes its events: its advisor, its log, TensorBoard, a program's own. */
import type { TrainingEvent } from '../events.ts';

export interface TrainingObserver {
  /**
   * Called with each event, in order. The run waits for it; an error that it throws ends the run.
   *
   * @returns events to add. They follow the event, except that `finished` stays the last of a run; observers further on in the list get
   *   them too.
   */
  observe(event: TrainingEvent): AddedEvents | Promise<AddedEvents>;
  /** Called once at the end of a run that has begun, however it ends. */
  close?(): void | Promise<void>;
}

type AddedEvents = Iterable<TrainingEvent> | undefined;

/** Passes on events, each after all observers have had it, and those that they add. */
export async function* notifyObservers(
  events: AsyncIterable<TrainingEvent>,
  observers: readonly TrainingObserver[],
): AsyncGenerator<TrainingEvent, void, void> {
  try {
    for await (const event of events) yield* await shown(event, observers);
  } finally {
    await closeAll(observers);
  }
}

/** Shows an event to each observer, and what the earlier ones have added to the later ones. */
async function shown(
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

/** Closes all, whatever becomes of any, and throws the first error. */
async function closeAll([first, ...others]: readonly TrainingObserver[]): Promise<void> {
  if (!first) return;
  try {
    await closeAll(others);
  } finally {
    await first.close?.();
  }
}
