/** The thread that reads the logs. Started by `run-client.node.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { joinBytes } from '../../util/bytes.ts';
import type { CurvesRequest } from '../protocol.ts';
import { Runs } from '../runs.node.ts';
import type { Sources } from '../sources.ts';
import type { FromThread, Questions, ToThread } from './run-messages.node.ts';

const runs = new Runs(workerData as Sources);

/** Frames that are ready are sent together, up to this many bytes or milliseconds. */
const MAX_BYTES = 2 ** 18;
const MAX_WAIT = 50;

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
  sweeps: () => runs.sweeps(),
  async sweep(id, etag) {
    const found = await runs.sweep(id, etag);
    // As text, thousands of trials cross to the other thread at once.
    return found && { etag: found.etag, json: found.detail && JSON.stringify(found.detail) };
  },
  async openCurves(request: CurvesRequest) {
    const abort = new AbortController();
    open.set(nextCurves, { frames: runs.curves(request, abort.signal), abort });
    return nextCurves++;
  },
  async nextFrames(curves) {
    const frames = open.get(curves)?.frames;
    return frames && nextFrames(frames);
  },
  async closeCurves(curves) {
    const entry = open.get(curves);
    open.delete(curves);
    entry?.abort.abort();
    await entry?.frames.return().catch(() => {});
  },
};

/** Several frames at once, since a message to the other thread costs more than a curve. Undefined after the last one. */
async function nextFrames(frames: OpenCurves['frames']): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const end = performance.now() + MAX_WAIT;
  const ready: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAX_BYTES && performance.now() < end; ) {
    const { value } = await frames.next();
    if (!value) break;
    ready.push(value);
    bytes += value.length;
  }
  return ready.length > 0 ? joinBytes(ready) : undefined;
}

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
