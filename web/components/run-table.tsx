/** The table of runs. */
import { signal } from '@preact/signals';
import type { RunSummary } from '../../src/ui/protocol.ts';
import {
  differingSettings,
  picked,
  pinned,
  type SortKey,
  settingOf,
  shownRuns,
  sorting,
  togglePick,
  togglePickAll,
  togglePin,
} from '../run-choice.ts';
import { hovered } from '../run-curves.ts';
import { runs } from '../run-list.ts';
import { lossText, stateText } from '../run-words.ts';
import { RunSwatch } from './run-swatch.tsx';
import { SortHead } from './sort-head.tsx';

const ROW_HEIGHT = 40;
/** Rows above and below the visible ones. */
const MARGIN = 10;
/** Columns for settings, at most. */
const MOST_SETTINGS = 30;
const firstRow = signal(0);

const COLUMNS: readonly { readonly key: SortKey; readonly title: string }[] = [
  { key: 'name', title: 'run' },
  { key: 'state', title: 'state' },
  { key: 'iteration', title: 'iteration' },
  { key: 'train', title: 'training' },
  { key: 'last', title: 'last validation' },
  { key: 'best', title: 'best validation' },
];

/** Only the rows in view are in the document. */
export function RunTable() {
  const all = shownRuns.value;
  const from = Math.max(0, firstRow.value - MARGIN);
  const to = Math.min(all.length, firstRow.value + 20 + MARGIN);
  const base = pinned.value === undefined ? undefined : runs.value.get(pinned.value)?.bestEvaluation?.loss;
  const settings = differingSettings.value.slice(0, MOST_SETTINGS);
  const hasAdvice = all.some(({ advice }) => advice > 0);
  return (
    <section class="panel" aria-label="table of runs">
      <div
        class="table"
        onScroll={(event) => {
          firstRow.value = Math.floor(event.currentTarget.scrollTop / ROW_HEIGHT);
        }}
      >
        <table aria-rowcount={all.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col">
                <span class="visually-hidden">in the chart</span>
                <input
                  type="checkbox"
                  aria-label="show all of these runs in the chart, or none"
                  checked={picked.value.length > 0}
                  indeterminate={picked.value.length > 0 && picked.value.length < all.length}
                  onChange={togglePickAll}
                />
              </th>
              <th scope="col">
                <span class="visually-hidden">comparison</span>
              </th>
              {COLUMNS.map(({ key, title }) => (
                <SortHead key={key} column={key} title={title} sorting={sorting} />
              ))}
              {base !== null && base !== undefined && <th scope="col">difference from pinned</th>}
              {hasAdvice && <th scope="col">advice</th>}
              {settings.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <tr style={{ height: `${from * ROW_HEIGHT}px` }} />}
            {all.slice(from, to).map((run, k) => (
              <Row key={run.id} {...{ run, settings, hasAdvice }} index={from + k} base={base ?? undefined} />
            ))}
            {to < all.length && <tr style={{ height: `${(all.length - to) * ROW_HEIGHT}px` }} />}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  readonly run: RunSummary;
  readonly index: number;
  readonly base: number | undefined;
  readonly settings: readonly string[];
  readonly hasAdvice: boolean;
}

function Row({ run, index, base, settings, hasAdvice }: RowProps) {
  const best = run.bestEvaluation?.loss ?? undefined;
  return (
    <tr
      aria-rowindex={index + 2}
      class={run.id === hovered.value ? 'lit' : undefined}
      style={{ height: `${ROW_HEIGHT}px` }}
    >
      <td>
        <input
          type="checkbox"
          checked={picked.value.includes(run.id)}
          aria-label={`show ${run.name} in the chart`}
          onChange={() => togglePick(run.id)}
        />
        <RunSwatch id={run.id} />
      </td>
      <td>
        <button
          type="button"
          class="mark-trial"
          aria-pressed={run.id === pinned.value}
          aria-label={`pin ${run.name}`}
          onClick={() => togglePin(run.id)}
        >
          pin
        </button>
      </td>
      <th scope="row">
        <a href={`#/run?id=${run.id}`}>{run.name}</a>
      </th>
      <td>{stateText(run)}</td>
      <td class="figure">
        {run.iteration.toLocaleString('en')} / {run.iterations.toLocaleString('en')}
      </td>
      <td class="figure">{lossText(run.trainLoss)}</td>
      <td class="figure">{lossText(run.lastEvaluation?.loss)}</td>
      <td class="figure">{lossText(best)}</td>
      {base !== undefined && (
        <td class="figure">
          {best === undefined ? '–' : `${best >= base ? '+' : '−'}${Math.abs(best - base).toFixed(4)}`}
        </td>
      )}
      {hasAdvice && (
        <td>
          {run.advice > 0 && (
            <a href={`#/run?id=${run.id}`} aria-label={`⚠ ${run.advice}: advice and warnings of ${run.name}`}>
              ⚠ {run.advice}
            </a>
          )}
        </td>
      )}
      {settings.map((name) => (
        <td key={name}>{String(settingOf(run, name) ?? 'default')}</td>
      ))}
    </tr>
  );
}
