/** Runs: the curves of many runs together, and a table of them. */
import { Checkbox } from '../components/checkbox.tsx';
import { AXES, CurveControls, METRICS } from '../components/curve-controls.tsx';
import { CurvesChart } from '../components/curves-chart.tsx';
import { RunSamples } from '../components/run-samples.tsx';
import { RunTable } from '../components/run-table.tsx';
import { setParameters } from '../router.ts';
import {
  axis,
  curveProgress,
  hovered,
  isLogarithmic,
  metric,
  pinned,
  problem,
  shownCurves,
  zoom,
} from '../run-curves.ts';
import {
  connectionProblem,
  filter,
  folders,
  isSearching,
  picked,
  runNotices,
  runs,
  shownRuns,
  showsTrials,
  trialCount,
} from '../run-list.ts';

export function Runs() {
  const count = runs.value.size;
  if (count === 0 && connectionProblem.value !== undefined) {
    return (
      <section class="panel empty">
        <p>No runs could be loaded.</p>
      </section>
    );
  }
  if (count === 0 && !isSearching.value) return <NoRuns />;
  return (
    <div class="stack">
      <section class="panel" aria-labelledby="runs-title">
        <div class="row">
          <h2 id="runs-title">Runs</h2>
          <input
            type="search"
            class="filter"
            placeholder="filter: lstm dropout>0.2"
            aria-label="filter the runs"
            value={filter.value}
            onInput={(event) => setParameters({ q: event.currentTarget.value || undefined })}
          />
          <span class="hint" role="status">
            {shownRuns.value.length.toLocaleString('en')} of {count.toLocaleString('en')} runs
            {isSearching.value && ', still looking for more'}
          </span>
        </div>
        <Trials />
        <CurveControls />
        {shownCurves.value.length > 0 ? (
          <CurvesChart
            curves={shownCurves.value}
            xLabel={AXES[axis.value]}
            yLabel={METRICS[metric.value]}
            isLogarithmic={isLogarithmic.value}
            range={zoom.value}
            height={340}
            onZoom={(range) => {
              zoom.value = range;
            }}
            onHover={(index) => {
              hovered.value = index === undefined ? undefined : shownCurves.value[index]?.curve.id;
            }}
            onPick={(index) => {
              const id = shownCurves.value[index]?.curve.id;
              setParameters({ base: id === pinned.value ? undefined : id });
            }}
          />
        ) : (
          <p class="hint">
            {picked.value.length === 0
              ? 'Choose runs in the table to see their curves.'
              : 'Reading the curves …'}
          </p>
        )}
        {curveProgress.value !== undefined && (
          <progress max={1} value={curveProgress.value} aria-label="reading logs" />
        )}
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        {zoom.value && (
          <p class="hint">
            Zoomed in.{' '}
            <button
              type="button"
              onClick={() => {
                zoom.value = undefined;
              }}
            >
              Show all
            </button>
          </p>
        )}
        {runNotices.value.map((notice) => (
          <p class="hint" key={notice}>
            {notice}
          </p>
        ))}
      </section>
      <RunTable />
      <RunSamples />
    </div>
  );
}

/** The trials of sweeps, which are not listed unless the reader wants them. */
function Trials() {
  if (trialCount.value === 0) return null;
  return (
    <div class="row">
      {trialCount.value < runs.value.size && (
        <Checkbox
          checked={showsTrials.value}
          onChange={(shows) =>
            setParameters(shows ? { trials: '1' } : { trials: undefined, pick: undefined })
          }
        >
          list trials of sweeps
        </Checkbox>
      )}
      <span class="hint">
        {trialCount.value.toLocaleString('en')}{' '}
        {trialCount.value === 1 ? 'run is a trial' : 'runs are trials'} of <a href="#/sweeps">sweeps</a>.
      </span>
    </div>
  );
}

function NoRuns() {
  return (
    <section class="panel empty">
      <h2>No runs yet</h2>
      <p>
        There is no run in {folders.value.length > 0 ? folders.value.join(', ') : 'this folder'} yet. Start
        one in another terminal, and it will appear here.
      </p>
      <p>
        <code>npx char-rnn train book.txt</code>
      </p>
    </section>
  );
}
