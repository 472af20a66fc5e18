/** Takes a run from the command line, so that it continues in the page. */
import { signal } from '@preact/signals';
import { worker } from '../session.ts';
import { keepsNothing, listRuns } from '../training-state.ts';
import type { NamedBytes } from '../worker/api.ts';

const checkpoint = signal<File | undefined>(undefined);
const text = signal<File | undefined>(undefined);
/** What became of the last run that was added. */
const outcome = signal<{ readonly isProblem: boolean; readonly message: string } | undefined>(undefined);

export function AdoptRun() {
  if (keepsNothing.value !== undefined) return null;
  return (
    <details>
      <summary>Continue a run from the command line</summary>
      <p class="hint">
        Choose the file last.safetensors from the folder of the run, and the text that it was trained on. The
        run is stored in this browser, and continues as if it had never stopped.
      </p>
      <FileField label="checkpoint of the run" accept=".safetensors" file={checkpoint} />
      <FileField label="text of the run" file={text} />
      <div class="row">
        <button type="button" disabled={!checkpoint.value || !text.value} onClick={add}>
          Add the run
        </button>
      </div>
      {outcome.value && (
        <p
          class={outcome.value.isProblem ? 'problem' : 'hint'}
          role={outcome.value.isProblem ? 'alert' : 'status'}
        >
          {outcome.value.message}
        </p>
      )}
    </details>
  );
}

interface FileFieldProps {
  readonly label: string;
  readonly accept?: string;
  readonly file: { value: File | undefined };
}

function FileField({ label, accept, file }: FileFieldProps) {
  return (
    <label class="field">
      <span class="name">{label}</span>
      <input
        type="file"
        accept={accept}
        onChange={(event) => {
          file.value = event.currentTarget.files?.[0];
          outcome.value = undefined;
        }}
      />
    </label>
  );
}

async function add(): Promise<void> {
  if (!checkpoint.value || !text.value) return;
  try {
    const request = { checkpoint: await bytesOf(checkpoint.value), text: await bytesOf(text.value) };
    const run = await worker().call('adoptRun', request);
    await listRuns();
    const message = `The run on ${run.name} is in the list above, at iteration ${run.iteration.toLocaleString('en')}.`;
    outcome.value = { isProblem: false, message };
  } catch (error) {
    outcome.value = { isProblem: true, message: (error as Error).message };
  }
}

async function bytesOf(file: File): Promise<NamedBytes> {
  return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}
