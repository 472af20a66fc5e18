/** Sends questions to the thread that reads the logs. So the server's own thread can always answer, however long the logs are. */
import { Worker } from 'node:worker_threads';
import type { CurvesRequest } from '../protocol.ts';
import type { Sources } from '../sources.ts';
import type { FromThread, Questions } from './run-messages.node.ts';

/** In the source, the program of the thread is a TypeScript file. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const PROGRAM = new URL(`./run-thread.node.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);
/** Megabytes of objects that the thread may hold, besides its columns. */
const MAX_HEAP = 192;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The thread has ended before it answered. The next question starts another one. */
export class ThreadEndedError extends Error {
  override readonly name = 'ThreadEndedError';
}

/** The server was closed before the thread answered. */
export class ServerClosedError extends Error {
  override readonly name = 'ServerClosedError';

  constructor() {
    super('the server is closed');
  }
}

export class RunClient {
  readonly #sources: Sources;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;
  #isClosed = false;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /**
   * Asks a question. If the thread has ended, for lack of memory for example, another is started.
   *
   * @throws {ThreadEndedError} if the thread ends before it has answered
   * @throws {ServerClosedError} if the client is closed before that
   */
  ask<Name extends keyof Questions>(
    question: Name,
    ...words: Parameters<Questions[Name]>
  ): ReturnType<Questions[Name]> {
    const id = this.#next++;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#isClosed) return reject(new ServerClosedError());
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id, question, words });
    });
    return answer as ReturnType<Questions[Name]>;
  }

  /** The frames of curves, one or more at a time, no faster than the caller takes them. */
  async *curves(request: CurvesRequest): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    const curves = await this.ask('openCurves', request);
    try {
      for (;;) {
        const frames = await this.ask('nextFrames', curves);
        if (!frames) return;
        yield frames;
      }
    } finally {
      if (!this.#isClosed) this.ask('closeCurves', curves).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end(new ServerClosedError());
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(IS_SOURCE ? sourceLoader() : PROGRAM, {
      workerData: this.#sources,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
      eval: IS_SOURCE,
      execArgv: IS_SOURCE ? ['--input-type=module'] : [],
    });
    worker.on('message', (message: FromThread) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ('problem' in message) waiting?.reject(new Error(message.problem));
      else waiting?.resolve(message.answer);
    });
    let reason = 'it was ended';
    worker.on('error', (error) => {
      reason = error.message;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      this.#end(new ThreadEndedError(`the thread that reads the logs has ended: ${reason}`));
    });
    worker.unref();
    return worker;
  }

  #end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** A program that compiles the thread's modules as they are loaded: in a thread, `--import tsx` does not do that. */
function sourceLoader(): string {
  const [compiler, program] = [import.meta.resolve('tsx/esm/api'), PROGRAM.href].map((url) =>
    JSON.stringify(url),
  );
  return `const { register } = await import(${compiler}); register(); await import(${program});`;
}
