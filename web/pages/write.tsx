/** Write: a notebook. The model continues a prompt; every character can be replaced by another candidate. */

import { computed, effect, signal } from '@preact/signals';
import type { SymbolDetails } from '../../src/browser.ts';
import { joinSymbolTexts } from '../../src/data/symbols/symbol-text.ts';
import type { OptionFacts } from '../../src/option-facts.ts';
import { Command } from '../components/command.tsx';
import { Controls, flagsOf, problemOf, type Settings, valuesOf } from '../components/controls.tsx';
import { NoModel } from '../components/no-model.tsx';
import { Problem } from '../components/problem.tsx';
import { TextPanel } from '../components/text-panel.tsx';
import { loadFacts } from '../option-facts.ts';
import { sampleCommand } from '../sample-command.ts';
import { isExample, model, worker } from '../session.ts';
import { inWords, symbolName } from '../words.ts';

/** A text that was written: the prompt, then what the model wrote. */
interface Draft {
  readonly prompt: string;
  readonly written: readonly SymbolDetails[];
  /** How the end of the text was written: its own prompt and settings, and where it begins. */
  readonly last: Writing | undefined;
}

interface Writing {
  readonly prompt: string;
  readonly settings: Settings;
  readonly from: number;
  /** Whether characters of the prompt were left out because the model does not know them, which the command has to allow. */
  readonly leavesOut: boolean;
}

const CANDIDATES = 8;
/** Nats of surprise that have the strongest colour. */
const STRONGEST_SURPRISE = 6;
/** Drafts that can be undone. */
const UNDO_STEPS = 100;

const prompt = signal('');
const settings = signal<Settings>({ temperature: '0.8', length: '400', seed: '1' });
const facts = signal<readonly OptionFacts[]>([]);
/** All branches; the newest last. */
const drafts = signal<readonly Draft[]>([]);
const current = signal(-1);
const undone = signal<readonly number[]>([]);
const history = signal<readonly number[]>([]);
const picked = signal<number | undefined>(undefined);
const writing = signal<AbortController | undefined>(undefined);
const problem = signal<unknown>(undefined);
const notices = signal<readonly string[]>([]);
const speed = signal(0);
const copied = signal(false);

const draft = computed(() => drafts.value[current.value]);
const details = computed(() => draft.value?.written ?? []);
const promptSymbols = computed(() => Array.from(draft.value?.prompt ?? ''));
const symbols = computed(() => [...promptSymbols.value, ...details.value.map(({ text }) => text)]);
const surprises = computed(() => [
  ...promptSymbols.value.map(() => Number.NaN),
  ...details.value.map(({ logProbability }) => -logProbability),
]);
const marks = computed(() => ({ caret: picked.value, stretches: [] }));

// Another model: the candidates and figures of the old one mean nothing now. The texts stay, as prompts that it can continue.
effect(() => {
  model.value;
  writing.peek()?.abort();
  drafts.value = drafts.peek().map((own) => ({ prompt: textOf(own), written: [], last: undefined }));
  picked.value = undefined;
});

/** Options without a field: the prompt has its own, and the page needs every prediction. */
const ELSEWHERE: ReadonlySet<string> = new Set(['prompt', 'unknown', 'draws']);

function textOf({ prompt: own, written }: Draft): string {
  return own + joinSymbolTexts(written.map(({ text }) => text));
}

export function Write() {
  if (!model.value)
    return (
      <NoModel what="write with it">
        The model continues a text, one character at a time. Colours show what surprised it, and you can
        replace any character by another.
      </NoModel>
    );
  loadFacts('sampling', facts, ELSEWHERE);
  return (
    <div class="columns wide-first">
      <section class="panel" aria-labelledby="write-title">
        <h2 id="write-title">Write</h2>
        <label class="field">
          <span class="name">prompt</span>
          <textarea
            rows={3}
            value={prompt.value}
            placeholder="the model continues this text"
            onInput={(event) => {
              prompt.value = event.currentTarget.value;
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) start();
            }}
          />
        </label>
        <div class="row">
          {writing.value ? (
            <button type="button" class="primary" onClick={() => writing.value?.abort()}>
              Stop
            </button>
          ) : (
            <button type="button" class="primary" onClick={start} title="Ctrl-Enter in the prompt">
              Write
            </button>
          )}
          <button type="button" disabled={!draft.value || !!writing.value} onClick={continueText}>
            Continue
          </button>
          <button type="button" disabled={history.value.length === 0 || !!writing.value} onClick={undo}>
            Undo
          </button>
          <button type="button" disabled={undone.value.length === 0 || !!writing.value} onClick={redo}>
            Redo
          </button>
          <Branches />
          <span class="hint" role="status">
            {writing.value
              ? 'writing …'
              : speed.value > 0 && `${Math.round(speed.value).toLocaleString('en')} characters a second`}
          </span>
        </div>
        <Messages />
        <TextPanel
          label="The text, coloured by surprise. Arrow keys move from character to character."
          symbols={symbols.value}
          values={surprises.value}
          scale={STRONGEST_SURPRISE}
          marks={marks.value}
          isGrowing={writing.value !== undefined}
          onPick={pick}
        />
        <p class="legend">
          <span>
            <i class="scale-positive" aria-hidden="true" /> more orange: more surprising to the model
          </span>
          <PickedSymbol />
        </p>
        {draft.value?.last && (
          <div class="command">
            <Command text={commandOf(draft.value)} />
            <button
              type="button"
              onClick={async () => {
                await navigator.clipboard.writeText(commandOf(draft.value as Draft));
                copied.value = true;
                setTimeout(() => {
                  copied.value = false;
                }, 2000);
              }}
            >
              {copied.value ? 'Copied' : 'Copy the command'}
            </button>
            {isExample.value && (
              <p class="hint">Run it in a folder without models of your own: there, it uses the example.</p>
            )}
          </div>
        )}
      </section>
      <aside class="panel" aria-label="candidates and settings">
        <Candidates />
        <h2>Settings</h2>
        <Controls
          facts={facts.value}
          settings={settings.value}
          problem={problemOf(problem.value)}
          onChange={(changed) => {
            settings.value = changed;
          }}
        />
      </aside>
    </div>
  );
}

function Messages() {
  return (
    <>
      <Problem error={problem.value} />
      {notices.value.map((notice) => (
        <p class="hint" key={notice}>
          {inWords(notice)}
        </p>
      ))}
    </>
  );
}

function Branches() {
  if (drafts.value.length < 2) return null;
  return (
    <label class="inline">
      branch
      <select
        value={current.value}
        disabled={!!writing.value}
        onChange={(event) => show(Number(event.currentTarget.value))}
      >
        {drafts.value.map((own, index) => (
          <option key={index} value={index}>
            {index + 1}: {excerpt(own)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The first words that a draft does not share with the one before it. */
function excerpt({ written, last }: Draft): string {
  const from = last && last.from > 0 ? last.from - 1 : 0;
  const shown = written.slice(from, from + 24).map(({ text }) => text);
  const text = joinSymbolTexts(shown).replace(/\s+/g, ' ');
  return text || '…';
}

const pickedDetails = computed(() =>
  picked.value === undefined ? undefined : details.value[picked.value - promptSymbols.value.length],
);

/** The candidates for the chosen character, and the character itself. */
const candidates = computed(() => {
  const own = pickedDetails.value;
  if (!own) return [];
  const isListed = own.alternatives.some(({ text }) => text === own.text);
  return isListed ? own.alternatives : [...own.alternatives, own];
});

/** The chosen character, which a screen reader says with its candidates. */
function PickedSymbol() {
  const at = picked.value;
  const own = pickedDetails.value;
  return (
    <output>
      {at !== undefined && (
        <>
          {symbolName(symbols.value[at] ?? '')}, position {at + 1},{' '}
          {own ? `surprise ${bits(-own.logProbability)}` : 'in the prompt'}
        </>
      )}
      {own && (
        <span class="visually-hidden">
          . Candidates:{' '}
          {candidates.value
            .map(({ text, logProbability }, k) => `${k + 1} ${symbolName(text)} ${percent(logProbability)}`)
            .join(', ')}
        </span>
      )}
    </output>
  );
}

function Candidates() {
  const at = picked.value;
  const offset = promptSymbols.value.length;
  const own = pickedDetails.value;
  if (!own || at === undefined)
    return (
      <>
        <h2>Candidates</h2>
        <p class="hint">Choose a character in the text to see which others the model considered.</p>
      </>
    );
  return (
    <>
      <h2>
        Instead of <q>{shown(own.text)}</q>
      </h2>
      <ol class="candidates">
        {candidates.value.map(({ text, logProbability }, index) => (
          <li key={text} aria-current={text === own.text}>
            <button
              type="button"
              disabled={!!writing.value || text === own.text}
              onClick={() => {
                take(at - offset, { ...own, text, logProbability });
                // The list goes away, and the focus with it.
                document.querySelector<HTMLElement>('.text-view')?.focus();
              }}
              aria-keyshortcuts={String(index + 1)}
            >
              <kbd>{index + 1}</kbd>
              <span class="symbol">{shown(text)}</span>
              <span class="bar">
                <i style={{ width: `${100 * Math.exp(logProbability)}%` }} />
              </span>
              <span class="figure">{percent(logProbability)}</span>
            </button>
          </li>
        ))}
      </ol>
      <p class="hint">
        Surprise {bits(-own.logProbability)}, uncertainty of the prediction {bits(own.entropy)}. If you choose
        another character, the model continues from there; the old text is kept as a branch.
      </p>
    </>
  );
}

function bits(nats: number): string {
  return `${(nats / Math.LN2).toFixed(2)} bits`;
}

function percent(logProbability: number): string {
  return `${(100 * Math.exp(logProbability)).toFixed(1)} %`;
}

function shown(text: string): string {
  return text === ' ' ? '␣' : text === '\n' ? '↵' : text === '\t' ? '⇥' : text;
}

function pick(position: number): void {
  picked.value = position;
}

/** Keys 1 to 9 take a candidate; used by the shell of the page. */
export function takeCandidate(number: number): void {
  const own = pickedDetails.value;
  const taken = own?.alternatives[number - 1];
  if (!own || !taken || writing.value || taken.text === own.text) return;
  take((picked.value as number) - promptSymbols.value.length, { ...own, ...taken });
}

function start(): Promise<void> {
  return write({ prompt: prompt.value, written: [], last: undefined });
}

function continueText(): Promise<void> {
  const { prompt: own, written } = draft.value as Draft;
  return write({ prompt: own, written, last: undefined });
}

function take(index: number, replacement: SymbolDetails): Promise<void> {
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
  const wholePrompt = textOf(begun);
  const opened = model.value;
  let index = -1;
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
    if (failed && drafts.value[index]?.written.length === begun.written.length)
      [drafts.value, current.value, history.value, undone.value] = before;
  }
}

function show(index: number): void {
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
function commandOf({ last }: Draft): string {
  if (!last) return '';
  return sampleCommand({ ...last, flags: flagsOf(facts.value, last.settings) });
}
