/** The model that is open in the worker. */

import { partsOf } from '../../src/inspect/unit-states.ts';
import type { LanguageModel } from '../../src/language-model.ts';
import type { ModelFacts } from './api.ts';

let model: LanguageModel | undefined;
let name = '';
const listeners: (() => void)[] = [];

/** @throws {Error} without an open model */
export function openModel(): LanguageModel {
  if (!model) throw new Error('no model is open: open a checkpoint, or train one.');
  return model;
}

/** Calls a function whenever another model is opened. */
export function onOtherModel(listener: () => void): void {
  listeners.push(listener);
}

export async function setModel(opened: LanguageModel, itsName: string): Promise<ModelFacts> {
  const earlier = model;
  model = opened;
  name = itsName;
  for (const listener of listeners) listener();
  await earlier?.close();
  return await factsOf(opened);
}

async function factsOf(opened: LanguageModel): Promise<ModelFacts> {
  const { cell, layers, hiddenSize } = opened.config;
  const { training } = opened.checkpoint;
  const losses = [...(training?.validationLosses.values ?? [])];
  return {
    ...{ name, cell, layers, units: hiddenSize, parameters: opened.parameterCount },
    ...{ symbols: opened.vocabulary.size, kind: opened.vocabulary.kind, parts: partsOf(cell) },
    hasBackslash: opened.vocabulary.tokenOf('\\') !== undefined,
    engine: await opened.describeEngine(),
    validationLoss: losses.length > 0 ? Math.min(...losses) : undefined,
    epoch: training?.epoch,
  };
}
