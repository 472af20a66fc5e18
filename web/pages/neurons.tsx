/** Neurons: what the units do while the model reads a text. */
import { computed, effect, signal } from '@preact/signals';
import type { Saliency, UnitLabel, UnitPart } from '../../src/browser.ts';
import { Dial } from '../components/dial.tsx';
import { NoModel } from '../components/no-model.tsx';
import { TextPanel } from '../components/text-panel.tsx';
import { UnitCharts } from '../components/unit-charts.tsx';
import { route, setParameters } from '../router.ts';
import { model, worker } from '../session.ts';
import type { GateFacts, ReadingFacts, StretchFacts, UnitFacts } from '../worker/api.ts';

/** Symbols that are read at most: states take memory. */
const MOST_SYMBOLS = 20_000;
/** Symbols of the text that the model writes if the reader gives none. */
const OWN_TEXT = 4000;

type Colouring = 'unit' | 'surprise' | 'saliency';

const text = signal('');
const reading = signal<ReadingFacts | undefined>(undefined);
const progress = signal<number | undefined>(undefined);
const problem = signal<string | undefined>(undefined);
const unit = signal<UnitFacts | undefined>(undefined);
const gates = signal<readonly GateFacts[]>([]);
const stretch = signal<{ readonly from: number; readonly to: number } | undefined>(undefined);
const stretchFacts = signal<StretchFacts | undefined>(undefined);
const saliency = signal<Saliency | undefined>(undefined);
const surprise = signal<Float64Array | undefined>(undefined);
const caret = signal<number | undefined>(undefined);
const colouring = signal<Colouring>('unit');
const isCentred = signal(true);
const search = signal('');
const isOnlyLabelled = signal(true);
let abort = new AbortController();

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
  if (!reading.value || !wanted) return;
  worker.call('unit', wanted).then(
    (facts) => {
      unit.value = facts;
      problem.value = undefined;
    },
    (error: Error) => {
      problem.value = error.message;
    },
  );
});

async function read(): Promise<void> {
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  problem.value = undefined;
  reading.value = undefined;
  unit.value = undefined;
  gates.value = [];
  forgetMarks();
  progress.value = 0;
  try {
    if (text.value.trim() === '') text.value = await ownText(signal);
    const request = { text: Array.from(text.value).slice(0, MOST_SYMBOLS).join(''), part: 'h' as const };
    for await (const item of worker.stream('read', request, signal)) {
      if ('progress' in item) progress.value = item.progress;
      else {
        reading.value = item;
        const [first] = item.labels;
        if (first && !isInModel(chosen.value)) choose(first);
      }
    }
    gates.value = await worker.call('gates', undefined, { signal });
  } catch (error) {
    if (!signal.aborted) problem.value = (error as Error).message;
  } finally {
    if (!signal.aborted) progress.value = undefined;
  }
}

/** A text by the model itself: there is always something to read. */
async function ownText(signal: AbortSignal): Promise<string> {
  let written = '';
  const request = { prompt: '\n', options: { length: OWN_TEXT, temperature: 0.8, seed: 1 }, alternatives: 0 };
  for await (const part of worker.stream('write', request, signal))
    written += part.details.map(({ text: symbol }) => symbol).join('');
  return written;
}

function isInModel(wanted: { layer: number; unit: number } | null): boolean {
  const { value } = model;
  return !!wanted && !!value && wanted.layer <= value.layers && wanted.unit <= value.units;
}

function choose({ layer, unit: number }: { readonly layer: number; readonly unit: number }): void {
  setParameters({ unit: `${layer}.${number}` });
  colouring.value = 'unit';
}

async function select(from: number, to: number): Promise<void> {
  stretch.value = { from, to };
  caret.value = undefined;
  stretchFacts.value = undefined;
  stretchFacts.value = await worker.call('stretch', { from, to });
}

async function pick(position: number): Promise<void> {
  caret.value = position;
  stretch.value = undefined;
  stretchFacts.value = undefined;
  saliency.value = undefined;
  if (colouring.value === 'saliency') await lookBack();
}

async function lookBack(): Promise<void> {
  const position = caret.value;
  if (position === undefined || position === 0) return;
  saliency.value = await worker.call('saliency', { position, method: 'occlusion' });
}

async function colourBy(by: Colouring): Promise<void> {
  colouring.value = by;
  try {
    if (by === 'surprise' && !surprise.value) surprise.value = await worker.call('surprise', undefined);
    if (by === 'saliency') await lookBack();
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

/** What the text is coloured by. */
const colours = computed<{ values: ArrayLike<number>; scale: number }>(() => {
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

const marks = computed(() => ({
  caret: caret.value,
  stretches: stretch.value ? [stretch.value, ...(stretchFacts.value?.places ?? [])] : [],
}));

export function Neurons() {
  if (!model.value) return <NoModel what="look at its neurons" />;
  return (
    <div class="columns narrow-first">
      <section class="panel" aria-labelledby="units-title">
        <h2 id="units-title">Units</h2>
        <label class="field">
          <span class="name">text to read</span>
          <textarea
            rows={3}
            value={text.value}
            placeholder="paste a text, or leave this empty and let the model write one"
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <div class="row">
          <button type="button" class="primary" onClick={read} disabled={progress.value !== undefined}>
            Read
          </button>
          {progress.value !== undefined && (
            <progress max={1} value={progress.value} aria-label="reading and labelling" />
          )}
        </div>
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        {reading.value && <UnitList facts={reading.value} />}
      </section>
      <section class="panel" aria-labelledby="text-title">
        {reading.value && chosen.value ? (
          <Text facts={reading.value} />
        ) : (
          <>
            <h2 id="text-title">What a unit does</h2>
            <p class="hint">
              Read a text to see each unit’s value after every character. Units that track something, such as
              the position in a line or whether a quotation is open, are labelled. A unit gets a label only if
              its correlation is clearly higher than that of any unit before training.
            </p>
          </>
        )}
      </section>
    </div>
  );
}

function UnitList({ facts }: { readonly facts: ReadingFacts }) {
  const wanted = search.value.trim().toLowerCase();
  const rows = facts.labels
    .map((own, index) => ({ own, same: facts.sameAs[index] }))
    .filter(({ own }) => !isOnlyLabelled.value || own.label !== undefined)
    .filter(({ own }) => !wanted || `${own.layer}.${own.unit} ${own.label ?? ''}`.includes(wanted));
  const labelled = facts.labels.filter(({ label }) => label !== undefined).length;
  return (
    <>
      <p class="hint" role="status">
        {facts.symbols.length.toLocaleString('en')} characters read, {labelled} of {facts.labels.length} units
        labelled in {(facts.milliseconds / 1000).toFixed(1)} s
      </p>
      <div class="row">
        <input
          type="search"
          aria-label="find a unit"
          placeholder="find: quotes, 2.108 …"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
        <label class="inline">
          <input
            type="checkbox"
            checked={isOnlyLabelled.value}
            onChange={(event) => {
              isOnlyLabelled.value = event.currentTarget.checked;
            }}
          />
          labelled only
        </label>
      </div>
      <ol class="units">
        {rows.slice(0, 200).map(({ own, same }) => (
          <li key={`${own.layer}.${own.unit}`}>
            <button
              type="button"
              onClick={() => choose(own)}
              aria-current={own.layer === chosen.value?.layer && own.unit === chosen.value?.unit}
            >
              <span class="figure">
                {own.layer}.{own.unit}
              </span>
              <span class={own.label === undefined ? 'label none' : 'label'}>
                {own.label ?? 'no label'}
                {same !== undefined && <small>like {nameOf(facts.labels[same])}</small>}
              </span>
              <span class="figure">{own.r.toFixed(2)}</span>
            </button>
          </li>
        ))}
      </ol>
      {rows.length === 0 && (
        <p class="hint">
          No unit has a label here. With a longer text, or a model that was trained for longer, more units may
          get one.
        </p>
      )}
    </>
  );
}

function nameOf(label: UnitLabel | undefined): string {
  return label ? `${label.layer}.${label.unit}` : '';
}

function Text({ facts }: { readonly facts: ReadingFacts }) {
  const wanted = chosen.value;
  if (!wanted) return null;
  const label = facts.labels.find(
    ({ layer, unit: number }) => layer === wanted.layer && number === wanted.unit,
  );
  const { values, scale } = colours.value;
  const at = caret.value;
  const value = at === undefined ? undefined : unit.value?.values[at];
  return (
    <>
      <h2 id="text-title">
        Unit {wanted.layer}.{wanted.unit}
        {label?.label !== undefined && `: ${label.label}`}
      </h2>
      {label && (
        <p class="hint">
          {label.label === undefined ? 'No label: its highest correlation is ' : 'Correlation '}
          {label.r.toFixed(2)}; the highest before training was {label.untrained.toFixed(2)}.
          {label.next.length > 0 &&
            ` Next: ${label.next.map(({ label: name, r }) => `${name} (${r.toFixed(2)})`).join(', ')}.`}
        </p>
      )}
      <div class="row">
        <fieldset class="choices">
          <legend class="visually-hidden">colour the text by</legend>
          {(['unit', 'surprise', 'saliency'] as const).map((by) => (
            <label key={by}>
              <input
                type="radio"
                name="colouring"
                checked={colouring.value === by}
                onChange={() => colourBy(by)}
              />
              {{ unit: 'the unit', surprise: 'surprise', saliency: 'influence' }[by]}
            </label>
          ))}
        </fieldset>
        <label class="inline">
          part
          <select
            value={wanted.part}
            onChange={(event) => setParameters({ part: event.currentTarget.value })}
            disabled={colouring.value !== 'unit'}
          >
            {model.value?.parts.map((part) => (
              <option key={part} value={part}>
                {PART_NAMES[part]}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={isCentred.value}
            onChange={(event) => {
              isCentred.value = event.currentTarget.checked;
            }}
          />
          centre the colours on its mean
        </label>
      </div>
      <TextPanel
        label="The text that was read, coloured. Arrow keys move from character to character; with Shift they select."
        symbols={facts.symbols}
        values={values}
        scale={scale}
        marks={marks.value}
        onPick={pick}
        onSelect={select}
      />
      <p class="legend">
        {colouring.value === 'unit' ? (
          <>
            low <i class="scale" aria-hidden="true" /> high
          </>
        ) : colouring.value === 'surprise' ? (
          <>
            <i class="scale-positive" aria-hidden="true" /> more surprising
          </>
        ) : (
          <>
            <i class="scale-positive" aria-hidden="true" /> without this character, the chosen one would be
            more surprising {at === undefined && '– choose a character'}
          </>
        )}
        <output>
          {at !== undefined && (
            <>
              {JSON.stringify(facts.symbols[at])}, position {at + 1}
              {value !== undefined && `, unit ${value.toFixed(3)}`}
              {surprise.value &&
                at > 0 &&
                `, surprise ${((surprise.value[at] as number) / Math.LN2).toFixed(2)} bits`}
            </>
          )}
        </output>
      </p>
      {stretchFacts.value && <Stretch facts={stretchFacts.value} symbols={facts.symbols} />}
      {unit.value && (
        <>
          <UnitCharts
            facts={unit.value}
            gates={gates.value}
            layer={wanted.layer}
            unit={wanted.unit}
            symbols={facts.symbols}
            onPlace={pick}
          />
          {(wanted.part === 'h' || wanted.part === 'c') && (
            <Dial key={`${wanted.layer}.${wanted.unit}.${wanted.part}`} chosen={wanted} facts={unit.value} />
          )}
        </>
      )}
    </>
  );
}

const PART_NAMES: Readonly<Record<UnitPart, string>> = {
  h: 'hidden state, h',
  c: 'cell state, c',
  i: 'input gate',
  f: 'forget gate',
  o: 'output gate',
  g: 'candidate, g',
  z: 'update gate',
  r: 'reset gate',
  n: 'candidate, n',
};

function Stretch({ facts, symbols }: { readonly facts: StretchFacts; readonly symbols: readonly string[] }) {
  return (
    <section class="stretch" aria-label="the selected stretch">
      <div>
        <h3>Active in the selected stretch</h3>
        <ol class="chips">
          {facts.units.map((own) => (
            <li key={`${own.layer}.${own.unit}`}>
              <button type="button" onClick={() => choose(own)}>
                {own.layer}.{own.unit}{' '}
                <small>
                  {own.strength > 0 ? 'high' : 'low'}, {Math.abs(own.strength).toFixed(1)} sd
                </small>
              </button>
            </li>
          ))}
        </ol>
      </div>
      <div>
        <h3>Where else they are active together</h3>
        {facts.places.length === 0 && <p class="hint">Nowhere else even half as strongly.</p>}
        <ol class="places">
          {facts.places.map(({ from, to }) => (
            <li key={from}>
              <button type="button" onClick={() => pick(from)}>
                {symbols.slice(Math.max(0, from - 12), from).join('')}
                <mark>{symbols.slice(from, to).join('')}</mark>
                {symbols.slice(to, to + 12).join('')}
              </button>
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}
