/** The units of the model: those that track something first. */
import { signal } from '@preact/signals';
import type { UnitLabel } from '../../src/browser.ts';
import { choose, chosen } from '../neurons-state.ts';
import { signed } from '../words.ts';
import type { ReadingFacts } from '../worker/api.ts';
import { Checkbox } from './checkbox.tsx';

const search = signal('');
const isOnlyLabelled = signal(true);

export function UnitList({ facts }: { readonly facts: ReadingFacts }) {
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
        <Checkbox
          checked={isOnlyLabelled.value}
          onChange={(checked) => {
            isOnlyLabelled.value = checked;
          }}
        >
          labelled only
        </Checkbox>
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
              <span class="figure">{signed(own.r)}</span>
            </button>
          </li>
        ))}
      </ol>
      {rows.length === 0 && (
        <p class="hint">
          {facts.isTooShort
            ? 'This text is too short to tell what units track: it needs 500 characters, and 2,000 or more are better.'
            : 'No unit has a label here. With a longer text, or a model that was trained for longer, more units may get one.'}
        </p>
      )}
    </>
  );
}

function nameOf(label: UnitLabel | undefined): string {
  return label ? `${label.layer}.${label.unit}` : '';
}
