/** Runs: the curves of many runs together, and a table of them. */
import { roundedPart } from '../chart-words.ts';
import { Checkbox } from '../components/checkbox.tsx';
import { AXES, CurveControls, METRICS } from '../components/curve-controls.tsx';
import { CurvesChart } from '../components/curves-chart.tsx';
import { RunSamples } from '../components/run-samples.tsx';
import { RunTable } from '../components/run-table.tsx';
import { setParameters } from '../router.ts';
import { filter, picked, shownRuns, showsTrials, togglePin, trialCount } from '../run-choice.ts';
import {
  axis,
  curveProgress,
  hovered,
  isLogarithmic,
  isReadingCurves,
  isZoomed,
  metric,
  missingCurves,
  problem,
  setZoom,
  shownCurves,
  shownRange,
} from '../run-curves.ts';
import { connectionProblem, folders, isSearching, runNotices, runs } from '../run-list.ts';

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
            placeholder="filter: lstm dropout>0.2 best<1.5"
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
        <RunCurves />
        {runNotices.value.map((notice) => (
          <p class="hint" key={notice}>
            {notice}
          </p>
        ))}
      </section>
      {shownRuns.value.length > 0 && <RunTable />}
      <RunSamples />
    </div>
  );
}

function RunCurves() {
  const curves = shownCurves.value;
  const idAt = (index: number | undefined) => (index === undefined ? undefined : curves[index]?.curve.id);
  return (
    <>
      {curves.length > 0 ? (
        <CurvesChart
          curves={curves}
          xLabel={AXES[axis.value]}
          yLabel={METRICS[metric.value]}
          isLogarithmic={isLogarithmic.value}
          range={shownRange.value}
          height={340}
          onZoom={(range) => {
            const [from, to] = range ? roundedPart(...range, axis.value === 'iteration') : [];
            setZoom({ from, to });
          }}
          onHover={(index) => {
            hovered.value = idAt(index);
          }}
          onPick={(index) => {
            const id = idAt(index);
            if (id !== undefined) togglePin(id);
          }}
          hint="Drag to zoom in. Click a curve to pin its run."
        />
      ) : (
        problem.value === undefined && <p class="hint">{whyEmpty()}</p>
      )}
      {curveProgress.value !== undefined && (
        <progress max={1} value={curveProgress.value} aria-label="reading logs" />
      )}
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {missingCurves.value.map((sentence) => (
        <p class="problem" key={sentence}>
          {sentence}
        </p>
      ))}
    </>
  );
}

function whyEmpty(): string {
  if (shownRuns.value.length === 0) return 'No run matches the filter.';
  if (picked.value.length === 0) return 'Choose runs in the table to see their curves.';
  if (isReadingCurves.value) return 'Reading the curves …';
  const what = METRICS[metric.value];
  return isZoomed.value
    ? `The chosen runs have no ${what} in this part of the x axis.`
    : `The chosen runs have no ${what} yet.`;
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
