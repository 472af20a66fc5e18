/** The choice to train on the GPU. If the page has none, it says why. */
import { effect, signal } from '@preact/signals';
import { restarts, worker } from '../session.ts';
import type { GpuFacts } from '../worker/api.ts';

const gpu = signal<GpuFacts | 'unknown' | 'asked'>('unknown');

// A new worker can answer when the last one could not.
effect(() => {
  restarts.value;
  gpu.value = 'unknown';
});

async function ask(): Promise<void> {
  gpu.value = 'asked';
  try {
    gpu.value = await worker().call('gpu', undefined);
  } catch (error) {
    gpu.value = { problem: (error as Error).message };
  }
}

export interface GpuChoiceProps {
  /** The engine that has been chosen. */
  readonly engine: string | undefined;
  readonly disabled: boolean;
  readonly onChange: (engine: 'auto' | 'webgpu') => void;
}

export function GpuChoice({ engine, disabled, onChange }: GpuChoiceProps) {
  if (gpu.value === 'unknown') ask();
  if (typeof gpu.value === 'string') return null;
  if ('problem' in gpu.value) return <p class="hint">Training uses the CPU: {gpu.value.problem}</p>;
  return (
    <div class="field switch">
      <label class="name" for="gpu-choice">
        train on the GPU
      </label>
      <input
        id="gpu-choice"
        type="checkbox"
        aria-describedby="gpu-choice-help"
        disabled={disabled}
        checked={engine === 'webgpu'}
        onChange={(event) => onChange(event.currentTarget.checked ? 'webgpu' : 'auto')}
      />
      <small id="gpu-choice-help" class="help">
        {gpu.value.name}. The CPU is the default, because there a seed gives a bit-identical model on every
        machine; on a GPU, the last digits differ.
      </small>
    </div>
  );
}
