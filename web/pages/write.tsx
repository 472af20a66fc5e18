/** Write: a notebook. The model continues a prompt; every character can be replaced by another candidate. */

import { signal } from '@preact/signals';
import { joinSymbolTexts } from '../../src/data/symbols/symbol-text.ts';
import { Command } from '../components/command.tsx';
import { Controls, problemOf } from '../components/controls.tsx';
import { NoModel } from '../components/no-model.tsx';
import { Problem } from '../components/problem.tsx';
import { TextPanel } from '../components/text-panel.tsx';
import { isNarrow } from '../narrow.ts';
import { loadFacts } from '../option-facts.ts';
import { isExample, model } from '../session.ts';
import { inWords, symbolName } from '../words.ts';
import {
  candidates,
  commandOf,
  continueText,
  current,
  type Draft,
  draft,
  drafts,
  facts,
  history,
  marks,
  notices,
  pick,
  picked,
  pickedDetails,
  problem,
  prompt,
  promptSymbols,
  redo,
  settings,
  show,
  speed,
  start,
  surprises,
  symbols,
  take,
  undo,
  undone,
  writing,
} from '../writing-state.ts';

/** Nats of surprise that have the strongest colour. */
const STRONGEST_SURPRISE = 6;
/** Options without a field: the prompt has its own, and the page needs every prediction. */
const ELSEWHERE: ReadonlySet<string> = new Set(['prompt', 'unknown', 'draws']);

const copied = signal(false);

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
        {/* A phone shows the other column below, too far from the chosen character. */}
        {isNarrow.value && draft.value && <Candidates />}
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
        {!isNarrow.value && <Candidates />}
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
