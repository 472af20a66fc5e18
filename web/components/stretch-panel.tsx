/** The units that are active in a selected stretch of the text, and where else they are. */
import { choose, pick } from '../neurons-state.ts';
import type { StretchFacts } from '../worker/api.ts';
import { Place } from './place.tsx';

export function StretchPanel({
  facts,
  symbols,
}: {
  readonly facts: StretchFacts;
  readonly symbols: readonly string[];
}) {
  return (
    <section class="stretch" aria-label="the selected stretch">
      <div>
        <h3>Active in the selected stretch</h3>
        <ol class="chips">
          {facts.units.map((own) => (
            <li key={`${own.layer}.${own.unit}`}>
              <button type="button" onClick={() => choose(own)}>
                {own.layer}.{own.unit}{' '}
                <small>
                  {own.strength > 0 ? 'high' : 'low'}, {Math.abs(own.strength).toFixed(1)} sd
                </small>
              </button>
            </li>
          ))}
        </ol>
      </div>
      <div>
        <h3>Where else they are active together</h3>
        {facts.places.length === 0 && <p class="hint">Nowhere else even half as strongly.</p>}
        <ol class="places">
          {facts.places.map(({ from, to }) => (
            <li key={from}>
              <Place {...{ symbols, from, to }} before={12} onPick={() => pick(from)} />
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}
