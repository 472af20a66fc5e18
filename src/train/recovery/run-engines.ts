/** The engine of a run, and the engines that replace it if it is lost or has too little memory. */
import type { ChosenEngine, EngineChoice, MakeEngine } from '../../engine/choose.ts';
import type { Engine } from '../../engine/engine.ts';
import { CharRnnError, EngineLostError, MemoryError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { WarningEvent } from '../events.ts';

/** How often the same kind of engine is opened again without progress of the run. After that, the fastest CPU engine is used. */
const MAX_SAME_KIND = 2;

/** A new engine, and the warning that explains it. */
export interface ReplacedEngine {
  readonly engine: Engine;
  readonly reason: string;
  readonly warning: WarningEvent;
}

/** Whether an error means that the engine can't continue, but the run can. */
export function isEngineFailure(error: unknown): error is EngineLostError | MemoryError {
  return error instanceof EngineLostError || error instanceof MemoryError;
}

export class RunEngines {
  /** A message about the first engine. */
  readonly notice: string | undefined;
  readonly #makeEngine: MakeEngine;
  #choice: EngineChoice;
  #current: Engine;
  #closed: Engine | undefined;
  /** Failures since the run last made progress. */
  #failures = 0;
  /** The iteration from which the run continued after the last failure. */
  #lastIteration: number | undefined;

  private constructor(makeEngine: MakeEngine, choice: EngineChoice, { engine, notice }: ChosenEngine) {
    this.#makeEngine = makeEngine;
    this.#choice = choice;
    this.#current = engine;
    this.notice = notice;
  }

  /** Opens the engine of a choice. @throws as `makeEngine` */
  static async open(makeEngine: MakeEngine, choice: EngineChoice): Promise<RunEngines> {
    return new RunEngines(makeEngine, choice, await makeEngine(choice));
  }

  get current(): Engine {
    return this.#current;
  }

  /**
   * Closes the engine and opens another: one of the same kind or, if the run made no progress with that, the fastest CPU engine.
   *
   * @param error The reason.
   * @param iteration The iteration from which the run continues.
   * @throws the reason, if the engine can't be lost or no other engine is left
   */
  async replace(error: unknown, iteration: number): Promise<ReplacedEngine> {
    if (!isEngineFailure(error) || !this.#current.description.canBeLost) throw error;
    if (iteration !== this.#lastIteration) this.#failures = 0;
    this.#lastIteration = iteration;
    await this.close();
    const problems: string[] = [asSentence(error.problem)];
    for (;;) {
      this.#failures++;
      const choice = this.#nextChoice();
      if (!choice) throw error;
      try {
        const { engine, notice } = await this.#makeEngine(choice);
        this.#choice = choice;
        this.#current = engine;
        return replacement(engine, error, iteration, [...problems, ...(notice ? [asSentence(notice)] : [])]);
      } catch (failure) {
        if (!(failure instanceof CharRnnError)) throw failure;
        problems.push(asSentence(failure.problem));
      }
    }
  }

  /** Closes the engine. One that is lost may have nothing to close. */
  async close(): Promise<void> {
    const engine = this.#current;
    if (this.#closed === engine) return;
    this.#closed = engine;
    const closing = engine.close();
    if (engine.description.canBeLost) await closing.catch(() => {});
    else await closing;
  }

  #nextChoice(): EngineChoice | undefined {
    if (this.#failures <= MAX_SAME_KIND) return this.#choice;
    if (this.#failures > MAX_SAME_KIND + 1) return undefined;
    // Not with the choice of a GPU.
    const { threads, precision, compute } = this.#choice;
    return { engine: 'auto', threads, precision, compute };
  }
}

function replacement(
  engine: Engine,
  error: EngineLostError | MemoryError,
  iteration: number,
  problems: readonly string[],
): ReplacedEngine {
  const { text } = engine.description;
  const from =
    iteration > 0
      ? `continues from a copy of iteration ${formatCount(iteration)}`
      : 'starts again from the beginning';
  const message = `${problems.join(' ')} Training ${from}. Engine: ${text}.`;
  const warning: WarningEvent = { type: 'warning', code: error.code, message };
  return { engine, reason: error.problem, warning };
}

/** Adds a full stop, unless there is one. */
export function asSentence(text: string): string {
  return /[.!?]\s*$/.test(text) ? text : `${text}.`;
}
