/** The trials of a sweep in a table. Only the rows in view are in the document. */
import { computed, signal } from '@preact/signals';
import type { SweepDetail, SweepTrial } from '../../src/ui/protocol.ts';
import { compare } from '../../src/util/compare.ts';
import { SortHead } from '../components/sort-head.tsx';
import { SortMenu } from '../components/sort-menu.tsx';
import { useVisibleRows } from '../components/visible-rows.ts';
import { isNarrow } from '../narrow.ts';
import { runs } from '../run-list.ts';
import { lossText } from '../run-words.ts';
import { lowestLoss, parametersText, reachedRung, trialState, valueText } from '../sweep-trials.ts';
import { optionWords } from '../words.ts';

export interface SweepTableProps {
  readonly detail: SweepDetail;
  readonly chosen: number | undefined;
  readonly onChoose: (trial: number) => void;
}

/** A phone shows a trial on four lines. */
const rowHeight = computed(() => (isNarrow.value ? 104 : 40));

interface Column {
  readonly key: string;
  readonly title: string;
  /** What rows are ordered by. */
  readonly order: (trial: SweepTrial) => string | number;
  readonly text: (trial: SweepTrial) => string;
}

const sorting = signal({ key: 'loss', isDescending: false });

export function SweepTable({ detail, chosen, onChoose }: SweepTableProps) {
  const columns = columnsOf(detail);
  const all = sorted(detail.trials, columns);
  const { from, to, onScroll } = useVisibleRows(all.length, rowHeight);
  const left = detail.summary.trials - all.length;
  return (
    <section class="panel" aria-labelledby="trials-title">
      <div class="row">
        <h2 id="trials-title">Trials</h2>
        <span class="hint">Click a trial’s number to mark it in the charts.</span>
      </div>
      <div class="table" onScroll={onScroll}>
        <table aria-rowcount={all.length + 1} aria-labelledby="trials-title">
          <thead>
            <tr aria-rowindex={1}>
              {isNarrow.value ? (
                <>
                  <th scope="col">trial</th>
                  <SortMenu columns={columns} sorting={sorting} />
                </>
              ) : (
                <>
                  {columns.map(({ key, title }) => (
                    <SortHead key={key} column={key} title={title} sorting={sorting} />
                  ))}
                  <th scope="col">run</th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <tr style={{ height: `${from * rowHeight.value}px` }} />}
            {all.slice(from, to).map((trial, k) => (
              <Row
                key={trial.number}
                {...{ trial, columns, onChoose }}
                index={from + k}
                isChosen={trial.number === chosen}
              />
            ))}
            {to < all.length && <tr style={{ height: `${(all.length - to) * rowHeight.value}px` }} />}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <p class="hint">
          {left.toLocaleString('en')} more trials are not shown here.{' '}
          <code>npx char-rnn sweep table --csv</code> has all of them.
        </p>
      )}
    </section>
  );
}

interface RowProps {
  readonly trial: SweepTrial;
  readonly columns: readonly Column[];
  readonly index: number;
  readonly isChosen: boolean;
  readonly onChoose: (trial: number) => void;
}

function Row({ trial, columns, index, isChosen, onChoose }: RowProps) {
  const [, ...others] = columns;
  const problem = trial.jobs.at(-1)?.message;
  const isRun = trial.run !== null && runs.value.has(trial.run);
  return (
    <tr
      aria-rowindex={index + 2}
      class={isChosen ? 'lit' : undefined}
      style={{ height: `${rowHeight.value}px` }}
    >
      <th scope="row">
        <button
          type="button"
          class="mark-trial"
          aria-pressed={isChosen}
          aria-label={`mark trial ${trial.number}`}
          onClick={() => onChoose(trial.number)}
        >
          {trial.number}
        </button>
      </th>
      {isNarrow.value ? (
        <td class="figure">
          {lossWithError(trial)}
          <small>{problem ?? others.find(({ key }) => key === 'state')?.text(trial)}</small>
          <small class="two-lines">{parametersText(trial)}</small>
        </td>
      ) : (
        others.map(({ key, text }) => (
          <td key={key} class="figure">
            {text(trial)}
            {key === 'state' && problem && <small class="message">{problem}</small>}
          </td>
        ))
      )}
      <td>
        {isRun ? (
          <a href={`#/run?id=${trial.run}`}>
            open<span class="visually-hidden"> the run of trial {trial.number}</span>
          </a>
        ) : (
          '–'
        )}
      </td>
    </tr>
  );
}

function columnsOf({ parameters, rungs, trials }: SweepDetail): Column[] {
  const hasErrors = trials.some(({ jobs }) => jobs.some(({ standardError }) => standardError !== null));
  return [
    { key: 'trial', title: 'trial', order: ({ number }) => number, text: ({ number }) => String(number) },
    {
      ...{ key: 'loss', title: hasErrors ? 'loss ± standard error' : 'loss' },
      order: (trial) => lowestLoss(trial) ?? Number.POSITIVE_INFINITY,
      text: lossWithError,
    },
    {
      ...{ key: 'state', title: 'state' },
      order: (trial) => -reachedRung(trial),
      text: (trial) => trialState(trial, rungs),
    },
    ...parameters.map(
      ({ name }): Column => ({
        ...{ key: `parameter ${name}`, title: optionWords(name) },
        order: ({ parameters: own }) => orderOf(own[name]),
        text: ({ parameters: own }) => valueText(own[name]),
      }),
    ),
  ];
}

function orderOf(value: string | number | boolean | undefined): string | number {
  return typeof value === 'number' ? value : String(value);
}

/** The standard error is known for what the store has as the result of a rung. */
function lossWithError(trial: SweepTrial): string {
  const loss = lowestLoss(trial);
  const error = trial.jobs.find((job) => job.loss === loss)?.standardError ?? null;
  return error === null ? lossText(loss) : `${lossText(loss)} ± ${error.toFixed(4)}`;
}

function sorted(trials: readonly SweepTrial[], columns: readonly Column[]): SweepTrial[] {
  const { key, isDescending } = sorting.value;
  const { order } = columns.find((column) => column.key === key) ?? (columns[0] as Column);
  const sign = isDescending ? -1 : 1;
  const keys = new Map(trials.map((trial) => [trial, order(trial)]));
  return [...trials].sort(
    (a, b) => sign * compare(keys.get(a) ?? 0, keys.get(b) ?? 0) || a.number - b.number,
  );
}
