/**
 * The program of the worker: every computation of the pages. The programs for training and for inspection are loaded when they are first
 * needed.
 */

import { decodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { isSafetensors } from '../../src/checkpoint/safetensors/safetensors.ts';
import { setKernelSource } from '../../src/engine/cpu/wasm-kernels.ts';
import { InMemoryModel } from '../../src/in-memory-model.ts';
import type { SymbolDetails } from '../../src/model/symbol-details.ts';
import { encodePrompt } from '../../src/sample/prompt.ts';
import { modelFileName } from '../model-file-name.ts';
import { serve } from '../rpc.ts';
import type { Api, ModelFacts, NamedBytes } from './api.ts';
import { fetchedKernel, prepareKernels } from './fetched-kernels.ts';
import { openModel, reopenModel, setModel } from './open-model.ts';

/** Milliseconds between the parts of a text that is written. */
const WRITE_INTERVAL = 50;

const files = () => import('./model-files.ts');
const reading = () => import('./reading.ts');
const runs = () => import('./stored-runs.ts');
const training = () => import('./training.ts');

const api: Api = {
  async optionFacts(of) {
    // Who asks will train soon.
    if (of === 'training') {
      training().catch(() => {});
      prepareKernels();
    }
    return (await import('../../src/option-facts.ts')).optionFacts(of);
  },
  async open({ bytes, name }) {
    return openFile(async () => ({ bytes: new Uint8Array(bytes), name }));
  },
  async quantize(quantize) {
    return reopenModel(quantize);
  },
  async save(weights) {
    return (await files()).fileOf(openModel().checkpoint, weights);
  },
  async *write({ prompt, options, alternatives }, signal) {
    let notices: string[] = [];
    const onNotice = (notice: string) => notices.push(notice);
    const input = { ...options, prompt, alternatives, unknown: 'nearest', signal, onNotice } as const;
    let details: SymbolDetails[] = [];
    let sent = Number.NEGATIVE_INFINITY;
    const model = openModel();
    const leavesOut = encodePrompt(model.vocabulary, prompt, 'nearest').skipped > 0;
    try {
      for await (const piece of model.generatePieces(input)) {
        details.push(...piece.details);
        // The first piece at once, then a few messages a second: each makes the page lay out its text.
        if (piece.ending === undefined && performance.now() - sent < WRITE_INTERVAL) continue;
        yield { details, ending: piece.ending, notices, leavesOut };
        details = [];
        notices = [];
        sent = performance.now();
      }
    } catch (error) {
      // Another model was opened, which ends the text.
      if (model === openModel()) throw error;
    }
  },
  async *read(request, signal) {
    yield* (await reading()).read(request, signal);
  },
  async unit(request) {
    return (await reading()).unit(request);
  },
  async gates(_, signal) {
    return (await reading()).gates(_, signal);
  },
  async stretch(request) {
    return (await reading()).stretch(request);
  },
  async saliency(request, signal) {
    return (await reading()).saliency(request, signal);
  },
  async surprise(_, signal) {
    return (await reading()).surprise(_, signal);
  },
  async gpu() {
    return (await import('./gpu.ts')).gpuFacts();
  },
  async decode(file) {
    return (await import('./text-file.ts')).decodedText(file);
  },
  async *train(request, signal) {
    yield* (await training()).trainInWorker(request, signal);
  },
  async runs() {
    return (await runs()).storedRuns();
  },
  async openRun({ id, which }) {
    return openFile(async () => {
      const folder = await (await runs()).RunFolder.open(id);
      const { name = id } = (await folder.record()) ?? {};
      return { bytes: await folder.checkpoint(which), name: modelFileName(name) };
    });
  },
  async runFile(id) {
    return (await (await runs()).RunFolder.open(id)).checkpoint('last');
  },
  async adoptRun({ checkpoint, text }) {
    return (await import('./adopt-run.ts')).adoptRun(checkpoint, text);
  },
  async deleteRun(id) {
    return (await runs()).deleteRun(id);
  },
};

function openFile(read: () => Promise<NamedBytes>): Promise<ModelFacts> {
  return setModel(async () => {
    const { bytes, name } = await read();
    const decode = isSafetensors(bytes) ? decodeCheckpoint : (await files()).openCheckpoint;
    return { model: new InMemoryModel(decode(bytes, name)), name };
  });
}

setKernelSource(fetchedKernel);
serve(api);
