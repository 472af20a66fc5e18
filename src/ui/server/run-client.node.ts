/** Asks the thread that reads the logs. The server's own thread stays free to answer, however long the logs are. */
import { Worker } from 'node:worker_threads';
import type { CurvesRequest } from '../protocol.ts';
import type { FromThread, Questions } from './run-messages.node.ts';

/** The program of the thread: in the source, it is a TypeScript file. */
const PROGRAM = `./run-thread.node.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
/** Megabytes of objects that the thread may hold, besides its columns. */
const MAX_HEAP = 192;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Why questions are not answered. */
export class ThreadEndedError extends Error {
  override readonly name = 'ThreadEndedError';
}

export class RunClient {
  readonly #folders: readonly string[];
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;
  #isClosed = false;

  /** @param folders Paths; they need not exist yet. */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /**
   * Asks a question. If the thread has ended, for lack of memory for example, another is started.
   *
   * @throws {ThreadEndedError} if the thread ends before it has answered
   */
  ask<Name extends keyof Questions>(
    question: Name,
    ...words: Parameters<Questions[Name]>
  ): ReturnType<Questions[Name]> {
    const id = this.#next++;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#isClosed) return reject(new ThreadEndedError('the server is closed'));
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id, question, words });
    });
    return answer as ReturnType<Questions[Name]>;
  }

  /** The frames of curves, no faster than they are taken. */
  async *curves(request: CurvesRequest): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    const curves = await this.ask('openCurves', request);
    try {
      for (;;) {
        const frame = await this.ask('nextFrame', curves);
        if (!frame) return;
        yield frame;
      }
    } finally {
      if (!this.#isClosed) this.ask('closeCurves', curves).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
    this.#end('the server is closed');
  }

  #start(): Worker {
    const isSource = PROGRAM.endsWith('.ts');
    const worker = new Worker(new URL(PROGRAM, import.meta.url), {
      workerData: { folders: this.#folders },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
      ...(isSource && { execArgv: ['--import', 'tsx'] }),
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
      this.#end(`the thread that reads the logs has ended: ${reason}`);
    });
    worker.unref();
    return worker;
  }

  #end(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new ThreadEndedError(reason));
    this.#waiting.clear();
  }
}
