/** Works on a sweep, as a generator of events. */
import { despiteOutages } from './despite-outages.node.ts';
import type { SweepEvent } from './events.ts';
import { oldNodeWarning } from './postgres/packages.node.ts';
import type { SweepStore, SweepText } from './store.ts';
import { rememberedDatabase } from './sweep-database.node.ts';
import { work } from './worker.node.ts';

export interface SweepWork {
  /** The folder of the sweep. */
  readonly folder: string;
  readonly store: SweepStore;
  /** The paths of its texts on this machine. Default: those with which the sweep was created. */
  readonly text?: SweepText | undefined;
  /** The number of trials that run at once in this process. */
  readonly workers: number;
  readonly signal: AbortSignal | undefined;
}

/** The events of the work, to the end of the sweep. The caller closes the store. */
export async function* workEvents({
  folder,
  store,
  text,
  workers,
  signal: outer,
}: SweepWork): AsyncGenerator<SweepEvent, void, void> {
  const { name, definition } = await store.record();
  yield { type: 'started', name, folder, trials: await store.trialCount(), rungs: definition.rungs, workers };
  const warning = rememberedDatabase(folder) && oldNodeWarning();
  if (warning !== undefined) yield { type: 'warning', message: warning };
  if (workers === 0) {
    yield { type: 'finished', reason: 'queued', best: undefined };
    return;
  }
  const queue: SweepEvent[] = [];
  let wake = () => {};
  const left = new AbortController();
  const signal = outer ? AbortSignal.any([outer, left.signal]) : left.signal;
  const onEvent = (event: SweepEvent) => {
    queue.push(event);
    wake();
  };
  let isOver = false;
  const working = work({ store, folder, text, workers, signal, onEvent }).finally(() => {
    isOver = true;
    wake();
  });
  // An error is thrown below, after the events that came before it.
  working.catch(() => {});
  try {
    while (!isOver || queue.length > 0) {
      const event = queue.shift();
      if (event) yield event;
      else
        await new Promise<void>((done) => {
          wake = done;
        });
    }
    const reason = await working;
    const [best] = await despiteOutages({ store, folder, signal }, () => store.best(1));
    yield { type: 'finished', reason, best };
  } finally {
    // The consumer has left the loop: the trials save their states.
    left.abort();
    await working.catch(() => {});
  }
}
