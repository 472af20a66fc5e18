/** The runs stored in this browser. */
import { deleteRun, keepsNothing, openRun, running, saveRun, start, stored } from '../training-state.ts';
import type { StoredRun } from '../worker/stored-runs.ts';

/** Continues a run, to its own end or to another iteration. */
function ContinueForm({ run }: { readonly run: StoredRun }) {
  const { iteration, iterations } = run;
  const end = iteration < iterations ? iterations : 2 * iteration;
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const last = Number(new FormData(event.currentTarget).get('last'));
        start(run, last === iterations ? undefined : last);
      }}
    >
      <button type="submit" disabled={!!running.value}>
        Continue
      </button>
      <label class="inline">
        to iteration
        <input
          key={end}
          type="number"
          name="last"
          class="short"
          min={iteration + 1}
          required
          defaultValue={end}
          disabled={!!running.value}
        />
      </label>
    </form>
  );
}

export function StoredRuns() {
  const runs = stored.value ?? [];
  if (keepsNothing.value !== undefined)
    return (
      <p class="hint">
        This browser can’t store runs ({keepsNothing.value}). Save the model before you leave.
      </p>
    );
  if (runs.length === 0) return null;
  return (
    <section aria-labelledby="stored-title">
      <h3 id="stored-title">Runs stored in this browser</h3>
      <ul class="stored">
        {runs.map((run) => (
          <li key={run.id}>
            <span>
              {run.name}, iteration {run.iteration.toLocaleString('en')} of{' '}
              {run.iterations.toLocaleString('en')}
              {run.bestLoss !== undefined && `, best ${run.bestLoss.toFixed(4)}`}
              <small> {(run.bytes / 1e6).toFixed(1)} MB</small>
            </span>
            <span class="row">
              <button type="button" disabled={!!running.value} onClick={() => openRun(run)}>
                Open
              </button>
              <button type="button" onClick={() => saveRun(run)}>
                Save
              </button>
              <button
                type="button"
                disabled={!!running.value}
                onClick={() => {
                  if (confirm(`Delete the run on ${run.name}?`)) deleteRun(run);
                }}
              >
                Delete
              </button>
            </span>
            <ContinueForm run={run} />
          </li>
        ))}
      </ul>
    </section>
  );
}
