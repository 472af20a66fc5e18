/** The text that was read on the page Neurons, what is known of its units, and what the reader chose. */

import { computed, effect, signal } from '@preact/signals';
import type { Saliency, UnitPart } from '../src/browser.ts';
import { joinSymbolTexts } from '../src/data/symbols/symbol-text.ts';
import { LastRequest } from './last-request.ts';
import { route, setParameters } from './router.ts';
import { model, worker } from './session.ts';
import type { GateFacts, ReadingFacts, StretchFacts, UnitFacts, UnitRequest } from './worker/api.ts';

/** Symbols that are read at most: states take memory. */
const MOST_SYMBOLS = 20_000;
/** UTF-16 units of a file that its field shows: a browser needs a minute to lay out 20 MB. Always more than what is read. */
const MOST_SHOWN = 100_000;
/** Symbols of the text that the model writes if the reader gives none. */
const OWN_TEXT = 4000;

export type Colouring = 'unit' | 'surprise' | 'saliency';

export const text = signal('');
export const reading = signal<ReadingFacts | undefined>(undefined);
/** Whether the text was longer than what was read of it. */
const isCut = signal(false);
export const progress = signal<number | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
/** The unit that is shown. After another one is chosen, it is the earlier one until the worker answers. */
export const unit = signal<(UnitFacts & { readonly of: UnitRequest }) | undefined>(undefined);
export const gates = signal<readonly GateFacts[]>([]);
const stretch = signal<{ readonly from: number; readonly to: number } | undefined>(undefined);
export const stretchFacts = signal<StretchFacts | undefined>(undefined);
const saliency = signal<Saliency | undefined>(undefined);
export const surprise = signal<Float64Array | undefined>(undefined);
export const caret = signal<number | undefined>(undefined);
export const colouring = signal<Colouring>('unit');
export const isCentred = signal(true);
let abort = new AbortController();

/** What the reader should know about the text that was read. */
export const notices = computed(() => [
  ...(isCut.value
    ? [`Only the first ${MOST_SYMBOLS.toLocaleString('en')} characters of this text are read.`]
    : []),
  ...(reading.value?.notices ?? []),
]);

/** The unit that the address names: `unit=2.108&part=h`. */
export const chosen = computed(() => {
  const found = /^(\d+)\.(\d+)$/.exec(route.value.parameters.get('unit') ?? '');
  const part = (route.value.parameters.get('part') ?? 'h') as UnitPart;
  return found && { layer: Number(found[1]), unit: Number(found[2]), part };
});

// Another model: everything that was read belongs to the old one.
effect(() => {
  model.value;
  abort.abort();
  reading.value = undefined;
  unit.value = undefined;
  gates.value = [];
  progress.value = undefined;
  problem.value = undefined;
  isCut.value = false;
  forgetMarks();
});

function forgetMarks(): void {
  stretch.value = undefined;
  stretchFacts.value = undefined;
  saliency.value = undefined;
  surprise.value = undefined;
  caret.value = undefined;
  colouring.value = 'unit';
}

// The unit of the address, once there is a text to show it on.
effect(() => {
  const wanted = chosen.value;
  const about = reading.value;
  if (!about || !wanted) return;
  // An answer may come after that to a later question.
  const isCurrent = () => chosen.value === wanted && reading.value === about;
  worker()
    .call('unit', wanted)
    .then(
      (facts) => {
        if (!isCurrent()) return;
        unit.value = { ...facts, of: wanted };
        problem.value = undefined;
      },
      (error: Error) => {
        if (isCurrent()) problem.value = error.message;
      },
    );
});

/** The unit that was shown last: links to the page do not name it. */
let lastShown: UnitRequest | undefined;

// A text is always shown with a unit: that of the address, the one that was shown last, or the first of the list.
effect(() => {
  const about = reading.value;
  const wanted = chosen.value;
  if (!about || route.value.page !== 'neurons') return;
  const hidden = 'h' as const;
  // All models have hidden states, but only an LSTM has cell states.
  const itsHidden = wanted && { ...wanted, part: hidden };
  const [first] = about.labels;
  const shown = [wanted, itsHidden, lastShown, first && { ...first, part: hidden }].find(isInModel);
  if (!shown) return;
  lastShown = shown;
  if (shown === wanted) return;
  const { layer, unit: number, part } = shown;
  setParameters({ unit: `${layer}.${number}`, part: part === hidden ? undefined : part });
});

/** The text that the reader has given last counts, also if an earlier file takes longer to read. */
const lastText = new LastRequest();

export function typeText(content: string): void {
  lastText.begin();
  text.value = content;
}

/** Takes the beginning of a file, in whatever encoding it is. @throws {Error} if it can't be read as a text */
export async function takeText(file: File): Promise<void> {
  const isWanted = lastText.begin();
  const bytes = new Uint8Array(await file.arrayBuffer());
  const content = await worker().call('decode', { name: file.name, bytes });
  if (isWanted()) text.value = content.slice(0, MOST_SHOWN);
}

export async function read(): Promise<void> {
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  problem.value = undefined;
  reading.value = undefined;
  unit.value = undefined;
  gates.value = [];
  isCut.value = false;
  forgetMarks();
  progress.value = 0;
  try {
    if (text.value.trim() === '') {
      const own = await ownText(signal);
      // The reader may have given one meanwhile.
      if (text.value.trim() === '') text.value = own;
    }
    const symbols = Array.from(text.value);
    isCut.value = symbols.length > MOST_SYMBOLS;
    const request = { text: symbols.slice(0, MOST_SYMBOLS).join(''), part: 'h' as const };
    for await (const item of worker().stream('read', request, signal)) {
      signal.throwIfAborted();
      if ('progress' in item) progress.value = item.progress;
      else reading.value = item;
    }
    const found = await worker().call('gates', undefined, { signal });
    signal.throwIfAborted();
    gates.value = found;
  } catch (error) {
    if (!signal.aborted) problem.value = (error as Error).message;
  } finally {
    if (!signal.aborted) progress.value = undefined;
  }
}

/** A text by the model itself: there is always something to read. @throws {Error} if another model is opened before its end */
async function ownText(signal: AbortSignal): Promise<string> {
  const symbols: string[] = [];
  let isWhole = false;
  const request = { prompt: '\n', options: { length: OWN_TEXT, temperature: 0.8, seed: 1 }, alternatives: 0 };
  for await (const part of worker().stream('write', request, signal)) {
    symbols.push(...part.details.map(({ text: symbol }) => symbol));
    isWhole ||= part.ending !== undefined;
  }
  if (!isWhole) throw new Error('another model was opened while this one wrote a text.');
  return joinSymbolTexts(symbols);
}

function isInModel(wanted: UnitRequest | null | undefined): wanted is UnitRequest {
  const { value } = model;
  return (
    !!wanted &&
    !!value &&
    isAmong(wanted.layer, value.layers) &&
    isAmong(wanted.unit, value.units) &&
    value.parts.includes(wanted.part)
  );
}

/** Whether a number that counts from 1 is at most the highest one. */
function isAmong(number: number, highest: number): boolean {
  return number >= 1 && number <= highest;
}

export function choose({ layer, unit: number }: { readonly layer: number; readonly unit: number }): void {
  setParameters({ unit: `${layer}.${number}` });
  colouring.value = 'unit';
}

/** Runs a request about the text, and shows what goes wrong, unless another text or model has replaced it. */
async function attempt(request: () => Promise<void>): Promise<void> {
  const about = reading.value;
  try {
    await request();
  } catch (error) {
    if (reading.value === about) problem.value = (error as Error).message;
  }
}

export function select(from: number, to: number): Promise<void> {
  const chosenStretch = { from, to };
  stretch.value = chosenStretch;
  caret.value = undefined;
  stretchFacts.value = undefined;
  return attempt(async () => {
    const facts = await worker().call('stretch', chosenStretch);
    if (stretch.value === chosenStretch) stretchFacts.value = facts;
  });
}

export async function pick(position: number): Promise<void> {
  caret.value = position;
  stretch.value = undefined;
  stretchFacts.value = undefined;
  saliency.value = undefined;
  if (colouring.value === 'saliency') await attempt(lookBack);
}

async function lookBack(): Promise<void> {
  const position = caret.value;
  if (position === undefined || position === 0) return;
  const about = reading.value;
  const found = await worker().call('saliency', { position, method: 'occlusion' });
  if (caret.value === position && reading.value === about) saliency.value = found;
}

export function colourBy(by: Colouring): Promise<void> {
  colouring.value = by;
  return attempt(async () => {
    if (by === 'surprise' && !surprise.value) {
      const about = reading.value;
      const found = await worker().call('surprise', undefined);
      if (reading.value === about) surprise.value = found;
    }
    if (by === 'saliency') await lookBack();
  });
}

/** What the text is coloured by. */
export const colours = computed<{ values: ArrayLike<number>; scale: number }>(() => {
  const length = reading.value?.symbols.length ?? 0;
  if (colouring.value === 'surprise') return { values: surprise.value ?? [], scale: 6 };
  if (colouring.value === 'saliency') {
    const values = new Float64Array(length).fill(Number.NaN);
    const found = saliency.value;
    if (found) values.set(found.values, found.from);
    return { values, scale: Math.max(...values.filter((value) => !Number.isNaN(value)).map(Math.abs), 1e-9) };
  }
  const facts = unit.value;
  if (!facts) return { values: [], scale: 1 };
  const centre = isCentred.value ? facts.mean : 0;
  return {
    values: facts.values.map((value) => value - centre),
    scale: Math.max(facts.high - centre, centre - facts.low, 1e-9),
  };
});

export const marks = computed(() => ({
  caret: caret.value,
  stretches: stretch.value ? [stretch.value, ...(stretchFacts.value?.places ?? [])] : [],
}));
