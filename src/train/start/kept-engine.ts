/** The engine of a resumed run: a run keeps its kind of engine, unless the caller chooses another. */
import type { EngineChoice } from '../../engine/choose.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';

type Engine = Pick<EngineChoice, 'engine' | 'gpu'>;

/**
 * The choice of a resumed run. A GPU that only the checkpoint asks for is not required: if it can't be used, the run continues on the CPU.
 * Of `engine` and `gpu`, one that is given now overrides a stored one that contradicts it.
 */
export function keptEngine({ engine, gpu }: Engine, origins: OptionOrigins): Engine {
  const isGiven = (option: string) => ['flag', 'config'].includes(origins[option] ?? 'default');
  if (isGiven('engine')) {
    const isUsed = isGiven('gpu') || (engine === 'webgpu' && gpu !== -1);
    return { engine, gpu: isUsed ? gpu : undefined };
  }
  if (engine === 'webgpu') return { engine: 'auto', gpu: gpu ?? 0 };
  if (isGiven('gpu') && gpu !== undefined && gpu >= 0) return { engine: 'auto', gpu };
  return { engine, gpu: engine === 'auto' ? gpu : undefined };
}
