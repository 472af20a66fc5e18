/** What the picked runs wrote, side by side. */
import {
  sampledIterations,
  sampledRuns,
  sampleOf,
  samplesProblem,
  showIteration,
  shownIteration,
} from '../picked-samples.ts';
import { runs } from '../run-list.ts';
import { RunSwatch } from './run-swatch.tsx';

/** One slider moves the samples of all runs to the same iteration. */
export function RunSamples() {
  if (sampledRuns.value.length === 0) return null;
  const iterations = sampledIterations.value;
  const at = shownIteration.value;
  const last = iterations.length - 1;
  const index =
    at === undefined
      ? last
      : Math.max(
          0,
          iterations.findLastIndex((own) => own <= at),
        );
  const words = at === undefined ? 'newest' : `by iteration ${at.toLocaleString('en')}`;
  return (
    <section class="panel" aria-labelledby="samples-title">
      <div class="row">
        <h2 id="samples-title">Samples</h2>
        {last > 0 && (
          <label class="grow">
            <span class="samples-at">
              <span class="visually-hidden">samples: </span>
              {words}
            </span>
            <input
              type="range"
              min={0}
              max={last}
              value={index}
              aria-valuetext={words}
              onInput={(event) => showIteration(Number(event.currentTarget.value))}
            />
          </label>
        )}
      </div>
      {samplesProblem.value !== undefined && (
        <p class="problem" role="alert">
          {samplesProblem.value}
        </p>
      )}
      <div class="two-texts">
        {sampledRuns.value.map((id) => (
          <RunSample key={id} id={id} />
        ))}
      </div>
    </section>
  );
}

function RunSample({ id }: { readonly id: string }) {
  const sample = sampleOf(id);
  return (
    <figure>
      <figcaption>
        <span>
          <RunSwatch id={id} /> {runs.value.get(id)?.name}
        </span>
        {sample && <span>iteration {sample.iteration.toLocaleString('en')}</span>}
      </figcaption>
      {sample ? <pre>{sample.text}</pre> : <p class="hint">Nothing yet.</p>}
    </figure>
  );
}
