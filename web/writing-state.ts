/** What Write shows: the texts that were written, their branches, and the character that the reader chose. */
import { computed, effect, signal } from '@preact/signals';
import type { SymbolDetails } from '../src/browser.ts';
import { joinedContent, joinSymbolTexts } from '../src/data/symbols/symbol-text.ts';
import type { OptionFacts } from '../src/option-facts.ts';
import { flagsOf, type Settings, valuesOf } from './components/controls.tsx';
import { sampleCommand } from './sample-command.ts';
import { model, worker } from './session.ts';

/** A text that was written: the prompt, then what the model wrote. */
export interface Draft {
  readonly prompt: string;
  readonly written: readonly SymbolDetails[];
  /** How the end of the text was written: its own prompt and settings, and where it begins. */
  readonly last: Writing | undefined;
}

interface Writing {
  /** Bytes if it ends in the middle of a character, as a text of a model over bytes may. */
  readonly prompt: string | Uint8Array;
  readonly settings: Settings;
  readonly from: number;
  /** Whether characters of the prompt were left out because the model does not know them, which the command has to allow. */
  readonly leavesOut: boolean;
}

const CANDIDATES = 8;
/** Drafts that can be undone. */
const UNDO_STEPS = 100;

export const prompt = signal('');
export const settings = signal<Settings>({ temperature: '0.8', length: '400', seed: '1' });
export const facts = signal<readonly OptionFacts[]>([]);
/** All branches; the newest last. */
export const drafts = signal<readonly Draft[]>([]);
export const current = signal(-1);
export const undone = signal<readonly number[]>([]);
export const history = signal<readonly number[]>([]);
export const picked = signal<number | undefined>(undefined);
export const writing = signal<AbortController | undefined>(undefined);
export const problem = signal<unknown>(undefined);
export const notices = signal<readonly string[]>([]);
export const speed = signal(0);

export const draft = computed(() => drafts.value[current.value]);
export const details = computed(() => draft.value?.written ?? []);
export const promptSymbols = computed(() => Array.from(draft.value?.prompt ?? ''));
export const symbols = computed(() => [...promptSymbols.value, ...details.value.map(({ text }) => text)]);
export const surprises = computed(() => [
  ...promptSymbols.value.map(() => Number.NaN),
  ...details.value.map(({ logProbability }) => -logProbability),
]);
export const marks = computed(() => ({ caret: picked.value, stretches: [] }));

// Another model: the candidates and figures of the old one mean nothing now. The texts stay, as prompts that it can continue.
effect(() => {
  model.value;
  writing.peek()?.abort();
  drafts.value = drafts.peek().map((own) => ({ prompt: textOf(own), written: [], last: undefined }));
  picked.value = undefined;
});

function textOf({ prompt: own, written }: Draft): string {
  return own + joinSymbolTexts(written.map(({ text }) => text));
}

export const pickedDetails = computed(() =>
  picked.value === undefined ? undefined : details.value[picked.value - promptSymbols.value.length],
);

/** The candidates for the chosen character, and the character itself. */
export const candidates = computed(() => {
  const own = pickedDetails.value;
  if (!own) return [];
  const isListed = own.alternatives.some(({ text }) => text === own.text);
  return isListed ? own.alternatives : [...own.alternatives, own];
});

export function pick(position: number): void {
  picked.value = position;
}

/** Keys 1 to 9 take a candidate; used by the shell of the page. */
export function takeCandidate(number: number): void {
  const own = pickedDetails.value;
  const taken = own?.alternatives[number - 1];
  if (!own || !taken || writing.value || taken.text === own.text) return;
  take((picked.value as number) - promptSymbols.value.length, { ...own, ...taken });
}

export function start(): Promise<void> {
  return write({ prompt: prompt.value, written: [], last: undefined });
}

export function continueText(): Promise<void> {
  const { prompt: own, written } = draft.value as Draft;
  return write({ prompt: own, written, last: undefined });
}

export function take(index: number, replacement: SymbolDetails): Promise<void> {
  const { prompt: own, written } = draft.value as Draft;
  return write({ prompt: own, written: [...written.slice(0, index), replacement], last: undefined });
}

/** Continues from the end of a draft, as a new branch. */
async function write(begun: Draft): Promise<void> {
  if (writing.value) return;
  const abort = new AbortController();
  problem.value = undefined;
  notices.value = [];
  picked.value = undefined;
  const own = settings.value;
  const wholePrompt = joinedContent(
    begun.prompt,
    begun.written.map(({ text }) => text),
  );
  const opened = model.value;
  let index = -1;
  let hasEnded = false;
  const before = [drafts.value, current.value, history.value, undone.value] as const;
  try {
    const options = valuesOf(facts.value, own);
    writing.value = abort;
    let last = { prompt: wholePrompt, settings: own, from: begun.written.length, leavesOut: false };
    index = drafts.value.length;
    drafts.value = [...drafts.value, { ...begun, last }];
    show(index);
    const clock = performance.now();
    let written = begun.written;
    const request = { prompt: wholePrompt, options, alternatives: CANDIDATES };
    for await (const part of worker().stream('write', request, abort.signal)) {
      if (model.value !== opened) break;
      hasEnded ||= part.ending !== undefined && part.ending !== 'seconds';
      written = [...written, ...part.details];
      if (part.leavesOut) last = { ...last, leavesOut: true };
      if (part.notices.length > 0) notices.value = [...notices.value, ...part.notices];
      drafts.value = drafts.value.with(index, { ...begun, written, last });
    }
    speed.value = (1000 * (written.length - begun.written.length)) / (performance.now() - clock);
  } catch (error) {
    if (!abort.signal.aborted) problem.value = error;
  } finally {
    writing.value = undefined;
    // Nothing was written: the page shows what it showed before.
    const failed = problem.value !== undefined && model.value === opened;
    const draftNow = drafts.value[index];
    if (draftNow && !hasEnded) drafts.value = drafts.value.with(index, withItsLength(draftNow));
    if (failed && drafts.value[index]?.written.length === begun.written.length)
      [drafts.value, current.value, history.value, undone.value] = before;
  }
}

/** A text that was ended by the reader, or after a time: its command writes as many symbols. */
function withItsLength(own: Draft): Draft {
  const { last, written } = own;
  // Forms depend on the length from the first symbol on.
  if (!last || 'match' in last.settings || 'template' in last.settings) return own;
  const { seconds: _, ...others } = last.settings;
  return { ...own, last: { ...last, settings: { ...others, length: String(written.length - last.from) } } };
}

export function show(index: number): void {
  if (current.value >= 0) history.value = [...history.value, current.value].slice(-UNDO_STEPS);
  undone.value = [];
  current.value = index;
  picked.value = undefined;
}

export function undo(): void {
  const previous = history.value.at(-1);
  if (previous === undefined || writing.value) return;
  history.value = history.value.slice(0, -1);
  undone.value = [...undone.value, current.value];
  current.value = previous;
  picked.value = undefined;
}

export function redo(): void {
  const next = undone.value.at(-1);
  if (next === undefined || writing.value) return;
  undone.value = undone.value.slice(0, -1);
  history.value = [...history.value, current.value];
  current.value = next;
  picked.value = undefined;
}

export function stopWriting(): void {
  writing.value?.abort();
}

/** The command that writes the end of a draft. */
export function commandOf({ last }: Draft): string {
  if (!last) return '';
  return sampleCommand({ ...last, flags: flagsOf(facts.value, last.settings) });
}
