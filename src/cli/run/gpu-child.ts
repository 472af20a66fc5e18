/**
 * The child process of `examine-gpu.ts`: prints what it finds in lines of JSON.
 *
 *     node gpu-child.js SECONDS
 */
import type { AdapterFacts } from '../../engine/webgpu/device.ts';
import { listAdapters } from '../../engine/webgpu/provider.node.ts';
import { CharRnnError } from '../../errors.ts';
import { type MeasuredEngine, measureEngine } from './measure-engine.ts';

/** A part of a `GpuReport`. */
export type GpuChildLine =
  | { readonly adapters: readonly AdapterFacts[] }
  | { readonly engine: MeasuredEngine };

const print = (line: GpuChildLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const adapters = await listAdapters();
  print({ adapters });
  const isSoftware = adapters.some((adapter) => adapter.isSoftware && adapter.number === 0);
  const problem = 'a software adapter would take too long.';
  print({
    engine: isSoftware
      ? { engine: 'webgpu', description: 'software', problem }
      : await measureEngine('webgpu', Number(process.argv[2])),
  });
} catch (error) {
  const problem = error instanceof CharRnnError ? error.problem : String(error);
  print({ engine: { engine: 'webgpu', problem } });
}
