/** Which engine computes: what can be asked for, and the choice where there is no Node. */
import { UnsupportedError, UsageError } from '../errors.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import type { MadeBackend } from './cpu/wasm.ts';
import { pageWasmBackend } from './cpu/wasm-page.ts';
import type { Engine, Precision } from './engine.ts';
import type { EngineName } from './names.ts';
import { ReferenceEngine } from './reference/reference-engine.ts';

export type { EngineName };

export interface EngineChoice {
  /** `auto`: the fastest that works. */
  readonly engine: EngineName;
  /** Absent: as many as this process may use. */
  readonly threads?: number | undefined;
  readonly precision: Precision;
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** Why it is not a faster one, where that is worth a line. */
  readonly notice: string | undefined;
}

/**
 * Makes the engine for a choice.
 *
 * @throws {UnsupportedError} for an engine that can't work here
 * @throws {UsageError} for float64 on an engine that does not have it
 */
export type MakeEngine = (choice: EngineChoice) => Promise<ChosenEngine>;

/** The reference engine, where it was asked for or is the only one: for float64. */
export function referenceEngine({ engine, precision }: EngineChoice): ChosenEngine | undefined {
  if (engine === 'reference') return { engine: new ReferenceEngine(precision), notice: undefined };
  if (precision === 'float32') return undefined;
  if (engine !== 'auto') {
    throw new UsageError(`float64 is computed by the reference engine alone, not by ${engine}.`, {
      remedies: [{ text: 'To compute in float64', set: { engine: 'reference' } }],
    });
  }
  return {
    engine: new ReferenceEngine(precision),
    notice: 'float64 is computed by the reference engine, which is slow.',
  };
}

/**
 * The WebAssembly engine; where it does not work and the choice is open, the reference engine.
 *
 * @param notice Why it is not a faster one already.
 * @throws {UnsupportedError} where WebAssembly was asked for and does not work
 */
export async function wasmOrReference(
  { engine }: EngineChoice,
  make: () => Promise<MadeBackend>,
  notice?: string | undefined,
): Promise<ChosenEngine> {
  try {
    const made = await make();
    return { engine: new CpuEngine(made.backend), notice: joined(notice, made.notice) };
  } catch (error) {
    if (engine !== 'auto' || !(error instanceof UnsupportedError)) throw error;
    const slow = `The reference engine computes, which is many times slower: ${error.problem}`;
    return { engine: new ReferenceEngine('float32'), notice: joined(notice, slow) };
  }
}

/** Notices as one; undefined where there are none. */
export function joined(...notices: readonly (string | undefined)[]): string | undefined {
  return notices.filter(Boolean).join(' ') || undefined;
}

/** The choice in a page. */
export const makePortableEngine: MakeEngine = async (choice) => {
  const reference = referenceEngine(choice);
  if (reference) return reference;
  if (choice.engine === 'native') {
    throw new UnsupportedError('there is no native engine in a page.', {
      remedies: [{ text: 'The fastest engine that works in a page', set: { engine: 'auto' } }],
    });
  }
  return wasmOrReference(choice, () => pageWasmBackend(choice.threads));
};
