/** The units of the model: those that track something first. Units that do the same are folded under the first of them. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { UnitLabel } from '../../src/browser.ts';
import { choose, chosen } from '../neurons-state.ts';
import { signed } from '../words.ts';
import type { ReadingFacts } from '../worker/api.ts';
import { Checkbox } from './checkbox.tsx';

/** Groups that are listed at most. */
const MOST_ROWS = 200;

const search = signal('');
const isOnlyLabelled = signal(true);

interface Group {
  readonly first: UnitLabel;
  /** The others, with the correlation of each with the first. */
  readonly others: { readonly own: UnitLabel; readonly r: number }[];
}

export function UnitList({ facts }: { readonly facts: ReadingFacts }) {
  const wanted = search.value.trim().toLowerCase();
  const isWanted = (own: UnitLabel) => `${nameOf(own)} ${own.label ?? ''}`.includes(wanted);
  const groups = groupsOf(facts)
    .filter(({ first, others }) => isWanted(first) || others.some(({ own }) => isWanted(own)))
    .slice(0, MOST_ROWS);
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
        {groups.map(({ first, others }) => (
          <li key={nameOf(first)}>
            <UnitRow own={first} />
            {others.length > 0 && (
              <Others
                first={nameOf(first)}
                others={others}
                isFound={others.some(({ own }) => isChosen(own) || (wanted !== '' && isWanted(own)))}
              />
            )}
          </li>
        ))}
      </ol>
      {groups.length === 0 && (
        <p class="hint">
          {facts.isTooShort
            ? 'This text is too short to tell what units track: it needs 500 characters, and 2,000 or more are better.'
            : 'No unit has a label here. With a longer text, or a model that was trained for longer, more units may get one.'}
        </p>
      )}
    </>
  );
}

/** Folded, until one of them is found or chosen. */
function Others({
  first,
  others,
  isFound,
}: {
  readonly first: string;
  readonly others: Group['others'];
  readonly isFound: boolean;
}) {
  const [isOpen, setOpen] = useState(isFound);
  useEffect(() => {
    if (isFound) setOpen(true);
  }, [isFound]);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {others.length} more like {first}
      </summary>
      <ol>
        {others.map(({ own, r }) => (
          <li key={nameOf(own)}>
            <UnitRow own={own} isOpposite={r < 0} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function UnitRow({ own, isOpposite = false }: { readonly own: UnitLabel; readonly isOpposite?: boolean }) {
  return (
    <button type="button" onClick={() => choose(own)} aria-current={isChosen(own)}>
      <span class="figure">{nameOf(own)}</span>
      <span class={own.label === undefined ? 'label none' : 'label'}>
        {own.label ?? 'no label'}
        {isOpposite && <small>opposite</small>}
      </span>
      <span class="figure">{signed(own.r)}</span>
    </button>
  );
}

/** The groups of the units that are to be listed, in the order of their first units. */
function groupsOf({ labels, same }: ReadingFacts): Group[] {
  const groups = new Map<number, Group>();
  for (const [index, own] of labels.entries()) {
    if (isOnlyLabelled.value && own.label === undefined) continue;
    const of = same[index];
    const group = of && groups.get(of.as);
    if (group) group.others.push({ own, r: of.r });
    else groups.set(index, { first: own, others: [] });
  }
  return [...groups.values()];
}

function isChosen({ layer, unit }: UnitLabel): boolean {
  return layer === chosen.value?.layer && unit === chosen.value?.unit;
}

function nameOf({ layer, unit }: UnitLabel): string {
  return `${layer}.${unit}`;
}
