/** The table of runs. */
import { computed } from '@preact/signals';
import type { RunSummary } from '../../src/ui/protocol.ts';
import { isNarrow } from '../narrow.ts';
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
import { differenceText, lossText, stateText } from '../run-words.ts';
import { RunSwatch } from './run-swatch.tsx';
import { SortHead } from './sort-head.tsx';
import { SortMenu } from './sort-menu.tsx';
import { useVisibleRows } from './visible-rows.ts';

/** A phone shows a run on three lines. */
const rowHeight = computed(() => (isNarrow.value ? 84 : 40));
/** Columns for settings, at most. */
const MOST_SETTINGS = 30;

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
  const { from, to, onScroll } = useVisibleRows(all.length, rowHeight);
  const base = pinned.value === undefined ? undefined : runs.value.get(pinned.value)?.bestEvaluation?.loss;
  const settings = differingSettings.value.slice(0, MOST_SETTINGS);
  const hasAdvice = all.some(({ advice }) => advice > 0);
  return (
    <section class="panel" aria-label="table of runs">
      <div class="table" onScroll={onScroll}>
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
              {isNarrow.value ? (
                <SortMenu columns={COLUMNS} sorting={sorting} />
              ) : (
                <>
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
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <tr style={{ height: `${from * rowHeight.value}px` }} />}
            {all.slice(from, to).map((run, k) => (
              <Row key={run.id} {...{ run, settings, hasAdvice }} index={from + k} base={base ?? undefined} />
            ))}
            {to < all.length && <tr style={{ height: `${(all.length - to) * rowHeight.value}px` }} />}
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

function Row(props: RowProps) {
  const { run, index } = props;
  return (
    <tr
      aria-rowindex={index + 2}
      class={run.id === hovered.value ? 'lit' : undefined}
      style={{ height: `${rowHeight.value}px` }}
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
      {isNarrow.value ? <NarrowCells {...props} /> : <Cells {...props} />}
    </tr>
  );
}

function Cells({ run, base, settings, hasAdvice }: RowProps) {
  const best = run.bestEvaluation?.loss ?? undefined;
  return (
    <>
      <td>
        <Pin run={run} />
      </td>
      <th scope="row">
        <Name run={run} />
      </th>
      <td>{stateText(run)}</td>
      <td class="figure">{iterationText(run)}</td>
      <td class="figure">{lossText(run.trainLoss)}</td>
      <td class="figure">{lossText(run.lastEvaluation?.loss)}</td>
      <td class="figure">{lossText(best)}</td>
      {base !== undefined && <td class="figure">{best === undefined ? '–' : differenceText(best - base)}</td>}
      {hasAdvice && (
        <td>
          <Advice run={run} />
        </td>
      )}
      {settings.map((name) => (
        <td key={name}>{String(settingOf(run, name) ?? 'default')}</td>
      ))}
    </>
  );
}

/** What matters most, on three lines. The page of the run has the rest. */
function NarrowCells({ run, base }: RowProps) {
  const best = run.bestEvaluation?.loss ?? undefined;
  return (
    <>
      <th scope="row">
        <Name run={run} />
        <small class="figures">
          best {lossText(best)}
          {base !== undefined && best !== undefined
            ? ` (${differenceText(best - base)})`
            : `, last ${lossText(run.lastEvaluation?.loss)}`}
        </small>
        <small class="figures">
          {stateText(run)}, {iterationText(run)} <Advice run={run} />
        </small>
      </th>
      <td>
        <Pin run={run} />
      </td>
    </>
  );
}

interface OneRun {
  readonly run: RunSummary;
}

function Pin({ run }: OneRun) {
  return (
    <button
      type="button"
      class="mark-trial"
      aria-pressed={run.id === pinned.value}
      aria-label={`pin ${run.name}`}
      onClick={() => togglePin(run.id)}
    >
      pin
    </button>
  );
}

function Name({ run }: OneRun) {
  return (
    <a href={`#/run?id=${run.id}`} title={run.name}>
      {run.name}
    </a>
  );
}

function Advice({ run }: OneRun) {
  if (run.advice === 0) return null;
  return (
    <a
      class="advice"
      href={`#/run?id=${run.id}`}
      aria-label={`⚠ ${run.advice}: advice and warnings of ${run.name}`}
    >
      ⚠ {run.advice}
    </a>
  );
}

function iterationText({ iteration, iterations }: RunSummary): string {
  return `${iteration.toLocaleString('en')} / ${iterations.toLocaleString('en')}`;
}
