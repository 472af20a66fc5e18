/** The units of the model: those that track something first. Units that do the same are folded under the first of them. */
import { signal } from '@preact/signals';
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { UnitLabel } from '../../src/browser.ts';
import { choose, chosen } from '../neurons-state.ts';
import { signed } from '../words.ts';
import type { ReadingFacts } from '../worker/api.ts';
import { Checkbox } from './checkbox.tsx';

/** Groups that are listed at most. */
const MOST_ROWS = 200;

const search = signal('');
const isOnlyLabelled = signal(true);
/** The item of the tree that last had the focus. */
const focused = signal<string | undefined>(undefined);

type Test = (own: UnitLabel) => boolean;

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
      {groups.length > 0 && (
        <UnitTree groups={groups} isFound={(own) => isChosen(own) || (wanted !== '' && isWanted(own))} />
      )}
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

/**
 * The units as a tree (https://www.w3.org/WAI/ARIA/apg/patterns/treeview/): Tab leads to one of its items, and the arrow keys to the others.
 */
function UnitTree({ groups, isFound }: { readonly groups: readonly Group[]; readonly isFound: Test }) {
  const names = groups.flatMap(({ first, others }) => [
    nameOf(first),
    ...(others.length > 0 ? [moreOf(first)] : []),
    ...others.map(({ own }) => nameOf(own)),
  ]);
  const current = chosen.value ? nameOf(chosen.value) : undefined;
  const stop =
    [focused.value, current].find((name) => name !== undefined && names.includes(name)) ?? names[0];
  return (
    <div class="units" role="tree" aria-label="units" onKeyDown={moveFocus}>
      {groups.map(({ first, others }) => (
        <div key={nameOf(first)} role="none">
          <UnitItem own={first} stop={stop} />
          {others.length > 0 && (
            <Others
              first={first}
              others={others}
              stop={stop}
              isFound={others.some(({ own }) => isFound(own))}
            />
          )}
        </div>
      ))}
    </div>
  );
}

interface OthersProps {
  readonly first: UnitLabel;
  readonly others: Group['others'];
  readonly stop: string | undefined;
  readonly isFound: boolean;
}

/** Folded, until one of them is found or chosen. The browser's search opens them, too. */
function Others({ first, others, stop, isFound }: OthersProps) {
  const [isOpen, setOpen] = useState(isFound);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (isFound) setOpen(true);
  }, [isFound]);
  useEffect(() => {
    const open = () => setOpen(true);
    list.current?.addEventListener('beforematch', open);
    return () => list.current?.removeEventListener('beforematch', open);
  }, []);
  const name = moreOf(first);
  // A folded unit can't have the focus: this item is the stop of Tab in its place.
  const isStop = !isOpen && others.some(({ own }) => nameOf(own) === stop);
  return (
    <div class="more" role="none">
      <button
        type="button"
        role="treeitem"
        aria-level={1}
        aria-expanded={isOpen}
        aria-owns={id}
        {...stopAt(name, isStop ? name : stop)}
        onClick={() => setOpen(!isOpen)}
      >
        {others.length} more like {nameOf(first)}
      </button>
      {/* biome-ignore lint/a11y/useSemanticElements: a group of a tree is no fieldset */}
      <div ref={list} id={id} role="group" hidden={isOpen ? false : ('until-found' as unknown as boolean)}>
        {others.map(({ own, r }) => (
          <div key={nameOf(own)} role="none">
            <UnitItem own={own} stop={isOpen ? stop : undefined} level={2} isOpposite={r < 0} />
          </div>
        ))}
      </div>
    </div>
  );
}

interface UnitItemProps {
  readonly own: UnitLabel;
  readonly stop: string | undefined;
  readonly level?: number;
  readonly isOpposite?: boolean;
}

function UnitItem({ own, stop, level = 1, isOpposite = false }: UnitItemProps) {
  return (
    <button
      type="button"
      role="treeitem"
      aria-level={level}
      aria-selected={isChosen(own)}
      {...stopAt(nameOf(own), stop)}
      onClick={() => choose(own)}
    >
      <span class="figure">{nameOf(own)}</span>
      <span class={own.label === undefined ? 'label none' : 'label'}>
        {own.label ?? 'no label'}
        {isOpposite && <small>opposite</small>}
      </span>
      <span class="figure">{signed(own.r)}</span>
    </button>
  );
}

/** Makes an item the stop of Tab if it is to be, and when it gets the focus. */
function stopAt(name: string, stop: string | undefined) {
  return {
    tabIndex: name === stop ? 0 : -1,
    onFocus: () => {
      focused.value = name;
    },
  };
}

function moveFocus(event: TargetedKeyboardEvent<HTMLElement>): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="treeitem"]')].filter(
    (item) => !item.closest('[hidden]'),
  );
  const at = items.indexOf(event.target as HTMLElement);
  const item = items[at];
  if (!item) return;
  const expanded = item.getAttribute('aria-expanded');
  const parent = item.closest('[role="group"]')?.previousElementSibling as HTMLElement | null | undefined;
  const open = event.key === 'ArrowRight' && expanded === 'false';
  if (open || (event.key === 'ArrowLeft' && expanded === 'true')) item.click();
  else if (event.key === 'ArrowRight' && expanded === 'true') items[at + 1]?.focus();
  else if (event.key === 'ArrowLeft') parent?.focus();
  else if (event.key === 'ArrowDown') items[at + 1]?.focus();
  else if (event.key === 'ArrowUp') items[at - 1]?.focus();
  else if (event.key === 'Home') items[0]?.focus();
  else if (event.key === 'End') items.at(-1)?.focus();
  else return;
  event.preventDefault();
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

function nameOf({ layer, unit }: { readonly layer: number; readonly unit: number }): string {
  return `${layer}.${unit}`;
}

/** The name of the item that unfolds the others of a group. */
function moreOf(first: UnitLabel): string {
  return `more ${nameOf(first)}`;
}
