/** One unit: the text in the colours of its values, its strongest places, and the dial. */
import type { UnitPart } from '../../src/browser.ts';
import {
  caret,
  chosen,
  colourBy,
  colouring,
  colours,
  gates,
  isCentred,
  marks,
  pick,
  select,
  stretchFacts,
  surprise,
  unit,
} from '../neurons-state.ts';
import { setParameters } from '../router.ts';
import { model } from '../session.ts';
import { signed, symbolName } from '../words.ts';
import type { ReadingFacts, UnitFacts, UnitRequest } from '../worker/api.ts';
import { Checkbox } from './checkbox.tsx';
import { Dial } from './dial.tsx';
import { StretchPanel } from './stretch-panel.tsx';
import { TextPanel } from './text-panel.tsx';
import { UnitCharts } from './unit-charts.tsx';

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

export function UnitPanel({ facts }: { readonly facts: ReadingFacts }) {
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
          {label.label === undefined ? 'No label: its highest correlation is ' : 'Correlation '}{' '}
          {signed(label.r)}; the highest before training was {label.untrained.toFixed(2)}.
          {label.next.length > 0 &&
            ` Next: ${label.next.map(({ label: name, r }) => `${name} (${signed(r)})`).join(', ')}.`}
        </p>
      )}
      <div class="row">
        <fieldset class="choices">
          <legend class="visually-hidden">colour the text by</legend>
          <span aria-hidden="true">colour by</span>
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
        <Checkbox
          checked={isCentred.value}
          disabled={colouring.value !== 'unit'}
          onChange={(checked) => {
            isCentred.value = checked;
          }}
        >
          centre the colours on its mean
        </Checkbox>
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
        ) : at === undefined ? (
          'Choose a character to see which characters before it matter.'
        ) : (
          <span>
            without this character, the chosen one would be less <i class="scale" aria-hidden="true" /> more
            surprising
          </span>
        )}
        <output>
          {at !== undefined && (
            <>
              {symbolName(facts.symbols[at] ?? '')}, position {at + 1}
              {value !== undefined && `, unit ${signed(value, 3)}`}
              {surprise.value &&
                at > 0 &&
                `, surprise ${((surprise.value[at] as number) / Math.LN2).toFixed(2)} bits`}
            </>
          )}
        </output>
      </p>
      {stretchFacts.value && <StretchPanel facts={stretchFacts.value} symbols={facts.symbols} />}
      {unit.value && (
        <>
          <UnitCharts
            facts={unit.value}
            gates={gates.value}
            layer={unit.value.of.layer}
            unit={unit.value.of.unit}
            symbols={facts.symbols}
            onPlace={pick}
          />
          <UnitDial facts={unit.value} of={unit.value.of} />
        </>
      )}
    </>
  );
}

/** The dial of the unit that the figures are of: it begins at its highest value. Gates can't be held. */
function UnitDial({ facts, of }: { readonly facts: UnitFacts; readonly of: UnitRequest }) {
  const { layer, unit: number, part } = of;
  return part === 'h' || part === 'c' ? (
    <Dial key={`${layer}.${number}.${part}`} chosen={of} facts={facts} />
  ) : null;
}
