/** What a run wrote after one of its evaluations, with a slider for which one. */
import { ScrollingText } from './scrolling-text.tsx';

export interface SampleSliderProps {
  readonly samples: readonly { readonly iteration: number; readonly text: string }[];
  /** The index of the shown sample; undefined: always the newest. */
  readonly chosen: number | undefined;
  readonly onChoose: (index: number | undefined) => void;
}

export function SampleSlider({ samples, chosen, onChoose }: SampleSliderProps) {
  const last = samples.length - 1;
  const index = Math.min(chosen ?? last, last);
  const sample = samples[index];
  if (!sample) return null;
  return (
    <section aria-labelledby="sample-title">
      <h3 id="sample-title">Sample after iteration {sample.iteration.toLocaleString('en')}</h3>
      {samples.length > 1 && (
        <input
          type="range"
          class="wide"
          min={0}
          max={last}
          value={index}
          aria-label="which sample"
          aria-valuetext={`iteration ${sample.iteration}`}
          onInput={(event) => {
            const next = Number(event.currentTarget.value);
            onChoose(next === last ? undefined : next);
          }}
        />
      )}
      <ScrollingText label="the sample" text={sample.text} />
    </section>
  );
}
