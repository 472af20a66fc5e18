/**
 * The child process of `examine-gpu.ts`: prints what it finds in lines of JSON.
 *
 *     node gpu-child.js SECONDS
 */
import type { AdapterFacts } from '../../engine/webgpu/device.ts';
import { listAdapters } from '../../engine/webgpu/provider.node.ts';
import { CharRnnError } from '../../errors.ts';
import { type MeasuredEngine, measureEngine, toMeasure } from './measure-engine.ts';

/** A part of a `GpuReport`. */
export type GpuChildLine =
  | { readonly adapters: readonly AdapterFacts[] }
  | { readonly engine: MeasuredEngine };

const print = (line: GpuChildLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const adapters = await listAdapters();
  print({ adapters });
  const measured = toMeasure(adapters);
  const problem = 'a software adapter would take too long.';
  for (const { number, isSoftware } of measured) {
    const figures: MeasuredEngine = isSoftware
      ? { engine: 'webgpu', description: 'software', problem }
      : await measureEngine('webgpu', Number(process.argv[2]), number);
    print({ engine: measured.length > 1 && number !== undefined ? { ...figures, gpu: number } : figures });
  }
  // Says why there is no GPU to measure.
  if (measured.length === 0) print({ engine: await measureEngine('webgpu', 0) });
} catch (error) {
  const problem = error instanceof CharRnnError ? error.problem : String(error);
  print({ engine: { engine: 'webgpu', problem } });
}
