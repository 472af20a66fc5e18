/** The worker and the model that is open in it. */
import { batch, computed, effect, signal } from '@preact/signals';
import { LastRequest } from './last-request.ts';
import { route } from './router.ts';
import { Client } from './rpc.ts';
import type { Api, ModelFacts } from './worker/api.ts';

/** The address of the worker's program, set by scripts/build-pages.mjs. */
declare const WORKER_URL: string;

/** `ended`: it has stopped; `replaced`: another has been started instead; `silent`: it has not answered for half a minute. */
export interface WorkerProblem {
  readonly kind: 'ended' | 'replaced' | 'silent';
  readonly message: string;
  /** Whether a model was open in it. */
  readonly hadModel: boolean;
}

/** Milliseconds. A worker that ends sooner after a restart is replaced only if the reader asks for it. */
const MIN_LIFE = 10_000;

export const workerProblem = signal<WorkerProblem | undefined>(undefined);
/** How often the worker was started again. */
export const restarts = signal(0);
export const model = signal<ModelFacts | undefined>(undefined);
/** Whether it is the example model, which the command line uses if no checkpoint is named. */
export const isExample = signal(false);
/** What is being opened. */
export const opening = signal<string | undefined>(undefined);
export const openProblem = signal<string | undefined>(undefined);

// A problem belongs to the page on which it was met: on another one, its advice may make no sense.
const shownPage = computed(() => route.value.page);
effect(() => {
  shownPage.value;
  openProblem.value = undefined;
});

let restarted = Number.NEGATIVE_INFINITY;
let current: Client<Api> | undefined;

/** The worker. It is started when a page first needs it: Runs needs none, and the files of the worker would delay those of the list. */
export function worker(): Client<Api> {
  current ??= startWorker();
  return current;
}

function startWorker(): Client<Api> {
  const name = `char-rnn worker ${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  const program = new Worker(new URL(WORKER_URL, import.meta.url), { type: 'module', name });
  const client: Client<Api> = new Client<Api>(program, name, {
    onEnded({ message }) {
      const hadModel = model.value !== undefined;
      const isReplaced = client.wasHeard && performance.now() - restarted > MIN_LIFE;
      if (isReplaced) restartWorker();
      workerProblem.value = { kind: isReplaced ? 'replaced' : 'ended', message, hadModel };
    },
    onSilent(isSilent) {
      const message =
        'the model’s worker has not answered for half a minute: it is busy with a long computation, or hangs';
      workerProblem.value = isSilent ? { kind: 'silent', message, hadModel: true } : undefined;
    },
  });
  return client;
}

/** After the worker has stopped. The model that was open is lost; runs that the browser keeps are not. */
export function restartWorker(): void {
  restarted = performance.now();
  current = startWorker();
  batch(() => {
    workerProblem.value = undefined;
    model.value = undefined;
    restarts.value++;
  });
}

/** The model that the reader has asked for last is opened, also if an earlier file arrives later. */
const lastModel = new LastRequest();

/**
 * Opens a model, and shows what goes wrong in the header.
 *
 * @param open Asks the worker, which opens models in the order of the calls.
 * @param ofPackage Whether it is the example model.
 * @returns whether it is open; false if the reader has asked for another one meanwhile
 */
export async function openModel(
  name: string,
  open: (isWanted: () => boolean) => Promise<ModelFacts | undefined>,
  ofPackage = false,
): Promise<boolean> {
  const isWanted = lastModel.begin();
  opening.value = name;
  openProblem.value = undefined;
  try {
    const opened = await open(isWanted);
    if (!opened) return false;
    batch(() => {
      model.value = opened;
      isExample.value = ofPackage;
    });
    return isWanted();
  } catch (error) {
    const { message } = error as Error;
    if (isWanted()) openProblem.value = message.startsWith(name) ? message : `${name}: ${message}`;
    return false;
  } finally {
    if (isWanted()) opening.value = undefined;
  }
}

/**
 * Opens a model from the bytes of a file.
 *
 * @param read Reads the file, which may take a while.
 * @param fileName Default: the name.
 */
export function openBytes(
  name: string,
  read: () => Promise<ArrayBuffer>,
  { fileName = name, ofPackage = false }: { fileName?: string; ofPackage?: boolean } = {},
): Promise<boolean> {
  const open = async (isWanted: () => boolean) => {
    const bytes = await read();
    if (!isWanted()) return undefined;
    return worker().call('open', { bytes, name: fileName }, { transfer: [bytes] });
  };
  return openModel(name, open, ofPackage);
}

export function openFile(file: File): Promise<boolean> {
  return openBytes(file.name, () => file.arrayBuffer());
}

/** The model that comes with the package, trained on Moby Dick. */
export function openExample(): Promise<boolean> {
  const read = async () => {
    const response = await fetch('models/moby-dick.safetensors').catch(() => {
      throw new Error(
        'it could not be loaded, because there is no connection. Open a model of your own, or try again.',
      );
    });
    if (!response.ok) throw new Error(`it could not be loaded: the server answered ${response.status}.`);
    return response.arrayBuffer();
  };
  return openBytes('the example model', read, { fileName: 'moby-dick.safetensors', ofPackage: true });
}

/** Offers bytes as a download. */
export function download(bytes: Uint8Array, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
