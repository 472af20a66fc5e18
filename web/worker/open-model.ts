/** The model that is open in the worker. */

import type { QuantizeOption } from '../../src/checkpoint/quantization.ts';
import { InMemoryModel } from '../../src/in-memory-model.ts';
import { partsOf } from '../../src/inspect/unit-states.ts';
import type { ModelFacts } from './api.ts';

let model: InMemoryModel | undefined;
let name = '';
const listeners: (() => void)[] = [];

/** @throws {Error} without an open model */
export function openModel(): InMemoryModel {
  if (!model) throw new Error('no model is open: open a checkpoint, or train one.');
  return model;
}

/** Calls a function whenever another model is opened. */
export function onOtherModel(listener: () => void): void {
  listeners.push(listener);
}

/** Opens the same model again, with weights in int8 or in floats. */
export function reopenModel(quantize: QuantizeOption): Promise<ModelFacts> {
  return setModel(async () => ({
    model: new InMemoryModel(openModel().checkpoint, { quantize }),
    name,
    quantize,
  }));
}

/** A model that is to be the open one. */
interface NewModel {
  readonly model: InMemoryModel;
  readonly name: string;
  /** The option that the model was made with. */
  readonly quantize?: QuantizeOption;
}

/** Models are read and opened one after the other, in the order of the calls, so that the last one stays open. */
let opening: Promise<unknown> = Promise.resolve();

/** Makes a model the open one. If it can't be read or loaded, the one that was open stays open. */
export function setModel(read: () => Promise<NewModel>): Promise<ModelFacts> {
  const replaced = opening.then(async () => replaceModel(await read()));
  opening = replaced.catch(() => {});
  return replaced;
}

async function replaceModel({ model: opened, name: itsName, quantize }: NewModel): Promise<ModelFacts> {
  const facts = { ...(await factsOf(opened)), name: itsName, quantize };
  const earlier = model;
  model = opened;
  name = itsName;
  for (const listener of listeners) listener();
  await earlier?.close();
  return facts;
}

async function factsOf(opened: InMemoryModel): Promise<Omit<ModelFacts, 'name' | 'quantize'>> {
  const { cell, layers, hiddenSize } = opened.config;
  const { training } = opened.checkpoint;
  const losses = [...(training?.validationLosses.values ?? [])];
  return {
    ...{ cell, layers, units: hiddenSize, parameters: opened.parameterCount },
    ...{ symbols: opened.vocabulary.size, kind: opened.vocabulary.kind, parts: partsOf(cell) },
    hasBackslash: opened.vocabulary.tokenOf('\\') !== undefined,
    engine: await opened.describeEngine(),
    isInt8: opened.quantization === 'int8',
    validationLoss: losses.length > 0 ? Math.min(...losses) : undefined,
    epoch: training?.epoch,
  };
}
