/** Reading a text with the open model: states, labels, saliency. Worker. */

import type { SaliencyMethod, UnitPart } from '../../src/browser.ts';
import { joinSymbolTexts } from '../../src/data/symbols/symbol-text.ts';
import type { InMemoryModel } from '../../src/in-memory-model.ts';
import { LEAST_SYMBOLS } from '../../src/inspect/label-units.ts';
import { sameUnits } from '../../src/inspect/same-units.ts';
import { activeUnits, type Stretch, similarPlaces } from '../../src/inspect/stretches.ts';
import { partsOf, type UnitStates } from '../../src/inspect/unit-states.ts';
import type { Api, GateFacts, ReadingFacts, StretchFacts, UnitFacts, UnitRequest } from './api.ts';
import { onOtherModel, openModel } from './open-model.ts';

interface Reading {
  readonly model: InMemoryModel;
  /** The text, without characters that the model does not know. */
  readonly text: string;
  readonly states: UnitStates;
}

let reading: Reading | undefined;
/** States of another part than the one that was read, made when somebody looks at it. */
let otherPart: { readonly part: UnitPart; readonly states: UnitStates } | undefined;

onOtherModel(() => {
  reading = undefined;
  otherPart = undefined;
});

function currentReading(): Reading {
  if (!reading) throw new Error('no text has been read yet.');
  return reading;
}

/** Symbols of the text that the saturation of gates is counted on. */
const GATE_SYMBOLS = 5000;
const SIGMOIDS: readonly UnitPart[] = ['i', 'f', 'o', 'z', 'r'];
const INTERVALS = 40;
const STRONGEST = 10;
/** The strongest places are at least so many symbols apart. */
const APART = 20;

export async function* read(
  { text, part }: Parameters<Api['read']>[0],
  signal: AbortSignal,
): AsyncGenerator<{ readonly progress: number } | ReadingFacts, void, void> {
  const model = openModel();
  const notices = new Set<string>();
  const begun = performance.now();
  const input = { unknown: 'nearest', signal, onNotice: (notice: string) => notices.add(notice) } as const;
  const progress = new Progress();
  const work = (async () => {
    const states = await model.states(text, {
      ...input,
      parts: [part],
      onProgress: (done) => progress.set(done / 2),
    });
    const labels = await model.labelUnits(text, {
      ...{ ...input, part, states },
      onProgress: (done) => progress.set((1 + done) / 2),
    });
    return { states, labels, same: await sameUnits(states, labels, part, signal) };
  })();
  for await (const fraction of progress.until(work)) yield { progress: fraction };
  const { states, labels, same } = await work;
  if (model !== openModel()) throw new Error('another model was opened while this one read the text.');
  reading = { model, text, states };
  otherPart = undefined;
  yield {
    symbols: states.symbols,
    labels,
    isTooShort: states.length < LEAST_SYMBOLS,
    same,
    notices: [...notices],
    milliseconds: performance.now() - begun,
  };
}

async function statesOf(part: UnitPart): Promise<UnitStates> {
  const { model, text, states } = currentReading();
  if (states.parts.includes(part)) return states;
  if (otherPart?.part === part) return otherPart.states;
  const found = await model.states(text, { parts: [part], unknown: 'nearest' });
  if (reading?.states === states) otherPart = { part, states: found };
  return found;
}

export async function unit({ layer, unit: number, part }: UnitRequest): Promise<UnitFacts> {
  const values = (await statesOf(part)).column(layer, number, part);
  const sorted = values.slice().sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  const [lowest, highest] = [at(0), at(1)];
  const histogram: number[] = Array(INTERVALS).fill(0);
  const width = (highest - lowest) / INTERVALS || 1;
  for (const value of values) {
    const k = Math.min(INTERVALS - 1, Math.floor((value - lowest) / width));
    histogram[k] = (histogram[k] as number) + 1;
  }
  return {
    ...{ values, lowest, highest, histogram, low: at(0.01), high: at(0.99) },
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    strongest: strongestOf(values),
  };
}

/** The highest values that are far enough apart, in descending order; of equal ones, the earliest. */
function strongestOf(values: Float32Array): number[] {
  const left = values.slice();
  const found: number[] = [];
  while (found.length < STRONGEST) {
    const highest = left.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    if (highest === Number.NEGATIVE_INFINITY) break;
    const at = left.indexOf(highest);
    found.push(at);
    left.fill(Number.NEGATIVE_INFINITY, Math.max(0, at - APART + 1), at + APART);
  }
  return found;
}

/** Gates that are sigmoids, of the first symbols. */
export async function gates(_: undefined, signal: AbortSignal): Promise<GateFacts[]> {
  const { model, states } = currentReading();
  const parts = partsOf(model.config.cell).filter((part) => SIGMOIDS.includes(part));
  if (parts.length === 0) return [];
  const text = joinSymbolTexts(states.symbols.slice(0, GATE_SYMBOLS));
  const gateStates = await model.states(text, { parts, signal, unknown: 'nearest' });
  return gateStates.layers.flatMap((layer) =>
    parts.map((part) => ({ part, layer, ...gateStates.saturation(layer, part) })),
  );
}

export async function stretch(chosen: Stretch): Promise<StretchFacts> {
  const { states } = currentReading();
  const part = states.parts[0] as UnitPart;
  const units = activeUnits(states, chosen, { part });
  return { units, places: similarPlaces(states, chosen, units, { part }) };
}

export async function saliency(
  { position, method }: { readonly position: number; readonly method: SaliencyMethod },
  signal: AbortSignal,
) {
  const { model, text } = currentReading();
  return await model.saliency(text, position, { method, signal, unknown: 'nearest' });
}

export async function surprise(_: undefined, signal: AbortSignal): Promise<Float64Array> {
  const { model, text } = currentReading();
  return (await model.score(text, { unknown: 'nearest', signal })).losses;
}

/** The progress of a computation as a stream of fractions. */
class Progress {
  #fraction = 0;
  #wake = () => {};

  set(fraction: number): void {
    this.#fraction = fraction;
    this.#wake();
  }

  /** Yields the fraction whenever it has changed, until the computation ends in either way. */
  async *until(work: Promise<unknown>): AsyncGenerator<number, void, void> {
    let hasEnded = false;
    const end = () => {
      hasEnded = true;
      this.#wake();
    };
    work.then(end, end);
    while (!hasEnded) {
      const shown = this.#fraction;
      yield shown;
      if (this.#fraction === shown && !hasEnded)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
