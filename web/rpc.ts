/**
 * Calls and streams between a page and its worker. Streams can be cancelled, and the worker pauses while the page has too many unread
 * items.
 *
 * A method that returns a promise is a call; one that returns an async generator is a stream.
 */

/** What the worker offers: each method takes one argument and a signal, which is aborted when the page cancels. */
export type Methods = object;

type Method = (argument: never, signal: AbortSignal) => unknown;
type Names<Api, Result> = {
  [Name in keyof Api]: Api[Name] extends (argument: never, signal: AbortSignal) => Result ? Name : never;
}[keyof Api];
type Calls<Api> = Names<Api, Promise<unknown>>;
type Streams<Api> = Names<Api, AsyncGenerator<unknown, void, void>>;
type ArgumentOf<M> = M extends (argument: infer Argument, signal: AbortSignal) => unknown ? Argument : never;
type ResultOf<M> = M extends (...words: never[]) => Promise<infer Result> ? Result : never;
type ItemOf<M> = M extends (...words: never[]) => AsyncGenerator<infer Item, void, void> ? Item : never;

type ToWorker =
  /** A ping. */
  | { readonly id: 0 }
  | { readonly id: number; readonly method: string; readonly argument: unknown }
  | { readonly id: number; readonly cancel: true }
  | { readonly id: number; readonly credit: number };

/** An error as it travels: errors of this library lose their class, but keep name and code. */
interface SentError {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
}

type FromWorker =
  /** The answer to a ping. */
  | { readonly id: 0 }
  /** The worker holds the lock that has its name, until it ends. */
  | { readonly id: 0; readonly isLocked: true }
  | { readonly id: number; readonly item: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError };

/** Unread items of a stream before the worker pauses. */
const CREDIT = 32;
/** Milliseconds between the page's pings. */
const ASK_EVERY = 5000;
/** How many pings may stay unanswered. They are counted because a clock also runs while a laptop sleeps or a tab is frozen. */
const MOST_UNANSWERED = 6;

interface Running {
  readonly abort: AbortController;
  credit: number;
  wake: () => void;
}

/** Worker: answers the page's messages with the methods of an object. */
export function serve(methods: Methods): void {
  const running = new Map<number, Running>();
  const byName = methods as Record<string, Method | undefined>;
  navigator.locks
    ?.request(self.name, () => {
      post({ id: 0, isLocked: true });
      return new Promise(() => {});
    })
    // A browser that forbids the page to store anything forbids locks, too.
    .catch(() => {});
  self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
    const { id } = data;
    if ('cancel' in data) return running.get(id)?.abort.abort();
    if ('credit' in data) return addCredit(running.get(id), data.credit);
    if (!('method' in data)) return post({ id: 0 });
    const entry: Running = { abort: new AbortController(), credit: CREDIT, wake: () => {} };
    running.set(id, entry);
    try {
      const answer = byName[data.method]?.call(methods, data.argument as never, entry.abort.signal);
      if (isStream(answer)) {
        for await (const item of answer) {
          await credited(entry);
          post({ id, item });
        }
        post({ id, result: undefined });
      } else post({ id, result: await answer });
    } catch (error) {
      const { name, message, code } = error as Error & { code?: unknown };
      post({ id, error: { name, message, code: typeof code === 'string' ? code : undefined } });
    } finally {
      running.delete(id);
    }
  };
}

function addCredit(entry: Running | undefined, credit: number): void {
  if (!entry) return;
  entry.credit += credit;
  entry.wake();
}

async function credited(entry: Running): Promise<void> {
  const { signal } = entry.abort;
  while (entry.credit <= 0 && !signal.aborted)
    await new Promise<void>((resolve) => {
      entry.wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  entry.credit--;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function post(message: FromWorker): void {
  self.postMessage(message);
}

/** Why a worker no longer answers. */
export class WorkerEndedError extends Error {
  override readonly name = 'WorkerEndedError';
}

export interface ClientEvents {
  /** The worker can't go on: it could not be loaded, had an error that nobody caught, or was ended. */
  readonly onEnded: (error: WorkerEndedError) => void;
  /** True: a call is open, but the worker has not answered for half a minute, because it is busy or hangs. False: it answers again. */
  readonly onSilent: (isSilent: boolean) => void;
}

/** Page: calls the methods of a worker. */
export class Client<Api extends Methods> {
  readonly #worker: Worker;
  readonly #events: ClientEvents;
  readonly #open = new Map<number, (message: FromWorker) => void>();
  readonly #asking = setInterval(() => this.#ask(), ASK_EVERY);
  #next = 1;
  #ended: WorkerEndedError | undefined;
  #wasHeard = false;
  #unanswered = 0;
  #hasLock = false;
  #resolveGone = () => {};
  /** Resolves when the worker no longer exists, and so has no lock. Without locks, as on an insecure origin: when it has been ended. */
  readonly gone = new Promise<void>((resolve) => {
    this.#resolveGone = resolve;
  });

  /** @param name Of the worker, which no other worker has. */
  constructor(worker: Worker, name: string, events: ClientEvents) {
    this.#worker = worker;
    this.#events = events;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      this.#hear();
      if ('isLocked' in data) this.#waitForEnd(name);
      else this.#open.get(data.id)?.(data);
    };
    worker.onerror = (event) => this.end(event.message || 'its program could not be loaded');
    worker.onmessageerror = () => this.end('a message could not be read');
  }

  /** Whether it has ever sent anything. */
  get wasHeard(): boolean {
    return this.#wasHeard;
  }

  /** Ends the worker. Calls that are open fail. */
  end(reason: string): void {
    if (this.#ended) return;
    clearInterval(this.#asking);
    this.#worker.terminate();
    this.#ended = new WorkerEndedError(`the model's worker has stopped: ${reason}`);
    for (const [id, listener] of this.#open) listener({ id, error: sent(this.#ended) });
    if (!this.#hasLock) this.#resolveGone();
    this.#events.onEnded(this.#ended);
  }

  /** A browser that ends a worker sends no event, but frees its locks. */
  async #waitForEnd(name: string): Promise<void> {
    this.#hasLock = true;
    await navigator.locks.request(name, () => {});
    this.#resolveGone();
    this.end('the browser has ended it, perhaps because it ran out of memory');
  }

  #hear(): void {
    this.#wasHeard = true;
    if (this.#unanswered > MOST_UNANSWERED) this.#events.onSilent(false);
    this.#unanswered = 0;
  }

  #ask(): void {
    // A program that is still being loaded can't answer.
    if (!this.#wasHeard || this.#open.size === 0) return;
    this.#send({ id: 0 });
    this.#unanswered++;
    if (this.#unanswered === MOST_UNANSWERED + 1) this.#events.onSilent(true);
  }

  call<Name extends Calls<Api>>(
    name: Name,
    argument: ArgumentOf<Api[Name]>,
    { transfer = [], signal }: { transfer?: Transferable[]; signal?: AbortSignal } = {},
  ): Promise<ResultOf<Api[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const id = this.#next++;
      const cancel = () => this.#send({ id, cancel: true });
      signal?.addEventListener('abort', cancel, { once: true });
      this.#open.set(id, (message) => {
        this.#open.delete(id);
        signal?.removeEventListener('abort', cancel);
        if ('error' in message) reject(received(message.error));
        else if ('result' in message) resolve(message.result as ResultOf<Api[Name]>);
      });
      this.#send({ id, method: name as string, argument }, transfer);
      if (signal?.aborted) cancel();
    });
  }

  async *stream<Name extends Streams<Api>>(
    name: Name,
    argument: ArgumentOf<Api[Name]>,
    signal?: AbortSignal,
  ): AsyncGenerator<ItemOf<Api[Name]>, void, void> {
    if (this.#ended) throw this.#ended;
    const id = this.#next++;
    const queue: FromWorker[] = [];
    let wake = () => {};
    this.#open.set(id, (message) => {
      queue.push(message);
      wake();
    });
    const cancel = () => this.#send({ id, cancel: true });
    signal?.addEventListener('abort', cancel, { once: true });
    this.#send({ id, method: name as string, argument });
    // An event that has been does not come again.
    if (signal?.aborted) cancel();
    let hasEnded = false;
    try {
      for (;;) {
        while (queue.length === 0)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        const batch = queue.splice(0);
        this.#send({ id, credit: batch.length });
        for (const message of batch) {
          if ('item' in message) yield message.item as ItemOf<Api[Name]>;
          else {
            hasEnded = true;
            if ('error' in message) throw received(message.error);
            return;
          }
        }
      }
    } finally {
      if (!hasEnded) cancel();
      signal?.removeEventListener('abort', cancel);
      this.#open.delete(id);
    }
  }

  #send(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

function sent({ name, message }: Error): SentError {
  return { name, message, code: undefined };
}

function received({ name, message, code }: SentError): Error {
  return Object.assign(new Error(message), { name, code });
}
