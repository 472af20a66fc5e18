/** The thread that reads the logs. Started by `run-client.node.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CurvesRequest } from '../protocol.ts';
import { Runs } from '../runs.node.ts';
import type { FromThread, Questions, ToThread } from './run-messages.node.ts';

const runs = new Runs((workerData as { readonly folders: readonly string[] }).folders);

interface OpenCurves {
  readonly frames: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;
  readonly abort: AbortController;
}
const open = new Map<number, OpenCurves>();
let nextCurves = 1;

const questions: Questions = {
  poll: () => runs.poll(),
  detail: (id) => runs.detail(id),
  events: (id, after) => runs.events(id, after),
  checkpoint: (id) => runs.checkpoint(id),
  async openCurves(request: CurvesRequest) {
    const abort = new AbortController();
    open.set(nextCurves, { frames: runs.curves(request, abort.signal), abort });
    return nextCurves++;
  },
  async nextFrame(curves) {
    const result = await open.get(curves)?.frames.next();
    return result?.value ?? undefined;
  },
  async closeCurves(curves) {
    const entry = open.get(curves);
    open.delete(curves);
    entry?.abort.abort();
    await entry?.frames.return().catch(() => {});
  },
};

const send = (message: FromThread, bytes?: ArrayBuffer) =>
  parentPort?.postMessage(message, bytes ? [bytes] : []);

parentPort?.on('message', async ({ id, question, words }: ToThread) => {
  try {
    const method = questions[question] as (...words: readonly unknown[]) => Promise<unknown>;
    const answer = await method(...words);
    send({ id, answer }, answer instanceof Uint8Array ? (answer.buffer as ArrayBuffer) : undefined);
  } catch (error) {
    send({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
