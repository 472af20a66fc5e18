/** What a page shows that needs a model, while none is open. */
import type { ComponentChildren } from 'preact';
import { openExample, openFile, opening } from '../session.ts';

export interface NoModelProps {
  readonly what: string;
  /** What the page does with a model, for those who see it for the first time. */
  readonly children: ComponentChildren;
}

export function NoModel({ what, children }: NoModelProps) {
  return (
    <section class="panel empty">
      <h2>Open a model to {what}</h2>
      <p>{children}</p>
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={opening.value !== undefined}
          onClick={() => openExample()}
        >
          Open the example model
        </button>
        <OpenButton />
        <a href="#/train">Train one here</a>
      </div>
      <p class="hint">
        The example was trained on Moby Dick. It is downloaded (383 kB) when you open it. A checkpoint, which
        you can also drop anywhere on this page, stays in your browser: <code>.safetensors</code>,{' '}
        <code>.t7</code>, or any other format that <code>char-rnn</code> reads.
      </p>
    </section>
  );
}

export function OpenButton() {
  return (
    <label class="button">
      Open a checkpoint
      <input
        type="file"
        class="hidden-file"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) openFile(file);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}
