/** What a page shows that needs a model, while none is open. */
import { openExample, openFile, opening } from '../session.ts';

export function NoModel({ what }: { readonly what: string }) {
  return (
    <section class="panel empty">
      <h2>Open a model to {what}</h2>
      <p>
        Drop a checkpoint anywhere on this page: <code>.safetensors</code>, <code>.t7</code>, or any other
        format that <code>char-rnn</code> reads. It stays in your browser.
      </p>
      <div class="row">
        <OpenButton isPrimary />
        <button type="button" disabled={opening.value !== undefined} onClick={() => openExample()}>
          Open the example model
        </button>
        <a href="#/train">Train one here</a>
      </div>
      <p class="hint">The example was trained on Moby Dick. It is downloaded (383 kB) when you open it.</p>
    </section>
  );
}

export function OpenButton({ isPrimary = false }: { readonly isPrimary?: boolean }) {
  return (
    <label class={isPrimary ? 'button primary' : 'button'}>
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
