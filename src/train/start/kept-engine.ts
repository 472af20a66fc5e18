/** The engine of a resumed run: a run keeps its kind of engine, unless the caller chooses another. */
import type { EngineChoice } from '../../engine/choose.ts';
import { isGiven, type OptionOrigins } from '../../util/option-origins.ts';

type Engine = Pick<EngineChoice, 'engine' | 'gpu'>;

/**
 * The stored choice of a resumed run. Of `engine` and `gpu`, one that is given now overrides a stored one that contradicts it.
 *
 * @param origins Where the options come from.
 */
export function keptEngine({ engine, gpu }: Engine, origins: OptionOrigins): Engine {
  if (isGiven('engine', origins)) {
    const isUsed = isGiven('gpu', origins) || (engine === 'webgpu' && gpu !== -1);
    return { engine, gpu: isUsed ? gpu : undefined };
  }
  const isCpu = gpu === -1;
  if (engine === 'webgpu') return { engine: isCpu ? 'auto' : engine, gpu };
  if (isGiven('gpu', origins) && gpu !== undefined && !isCpu) return { engine: 'auto', gpu };
  return { engine, gpu: engine === 'auto' ? gpu : undefined };
}

/**
 * The engine to open for the stored choice of a resumed run. A GPU that only the checkpoint asks for is not required: if it can't be used,
 * the run continues on the CPU.
 */
export function openedEngine({ engine, gpu }: Engine, origins: OptionOrigins): Engine {
  if (engine !== 'webgpu' || isGiven('engine', origins)) return { engine, gpu };
  return { engine: 'auto', gpu: gpu ?? 0 };
}

/**
 * A line about the GPU of a resumed run: it is used again, or the CPU replaces it.
 *
 * @param stored The options of the checkpoint.
 * @param asked The options of the resumed run.
 * @param name The engine that was opened.
 */
export function keptGpuNotice(
  stored: Readonly<Record<string, unknown>>,
  asked: Engine,
  name: string,
): string | undefined {
  if (!asksForGpu(stored)) return undefined;
  if (name === 'webgpu') return 'the run continues with the GPU engine, as before';
  if (!asksForGpu(asked)) return undefined;
  const option = asked.engine === 'webgpu' ? '`engine` webgpu' : `\`gpu\` ${asked.gpu}`;
  return `the run has ${option}: it continues with the ${name} engine, and returns to the GPU when it is resumed where one works`;
}

/** Whether options choose a GPU. */
function asksForGpu({ engine, gpu }: { readonly engine?: unknown; readonly gpu?: unknown }): boolean {
  return engine === 'webgpu' || Number(gpu ?? -1) >= 0;
}
