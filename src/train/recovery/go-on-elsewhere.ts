/** If the engine of a run is lost, or has too little memory, the run continues from a copy of its state, on another engine. */
import type { Splits } from '../../data/batches/batches.ts';
import { EngineLostError, MemoryError } from '../../errors.ts';
import type { ModelConfig } from '../../model/config.ts';
import { checkMemory } from '../../model/memory.ts';
import { formatCount } from '../../util/format.ts';
import type { TrainingEvent } from '../events.ts';
import { memoryNeeds } from '../memory-needs.ts';
import type { TrainingOptions } from '../options.ts';
import { type Parts, partsOn, reportIteration } from '../run/run-parts.ts';
import { type RunInput, TrainingRun } from '../run/training-run.ts';
import type { Saver } from '../saving/saver.ts';
import { asSentence, isEngineFailure } from './run-engines.ts';

/** Whether an error means that the engine is lost and the run can continue from a copy of its state. */
export function isLossOf({ copy }: Parts, error: unknown): boolean {
  return copy !== undefined && isEngineFailure(error);
}

/**
 * Continues from the newest copy of the state, on another engine.
 *
 * @throws {EngineLostError | MemoryError} if no other engine works; the copy is saved first
 */
export async function* goOnElsewhere(
  parts: Parts,
  error: unknown,
): AsyncGenerator<TrainingEvent, Parts, void> {
  const { input, config, splits, saver, baseline, unreported } = parts;
  const newest = parts.copy?.newest;
  const start = newest ? { parameters: newest.parameters, training: newest.training } : input.start;
  const iteration = start?.training?.iteration ?? 0;
  let isGoingOn = false;
  try {
    const replaced = await input.replaceEngine?.(error, iteration);
    if (!replaced) throw error;
    const { engine, reason, warning } = replaced;
    yield* saver.events();
    // The event of an iteration that is not repeated.
    if (unreported && unreported.figures.iteration <= iteration) yield* reportIteration(parts, unreported);
    yield warning;
    const copied = { ...input, engine, start, runId: parts.run.id };
    const moved = yield* runOnWorkingEngine(copied, config, splits);
    const { run } = moved;
    await saver.continueWith(run);
    yield* saver.events();
    const { text } = moved.input.engine.description;
    yield { type: 'continued', iteration, epoch: run.epoch, reason, engine: text };
    isGoingOn = true;
    // Not with the copy as its start: that would keep it in memory.
    const next = partsOn({ ...moved.input, start: input.start }, run, saver, newest);
    return { ...next, config, splits, saver, baseline };
  } catch (last) {
    await saver.finishWith(newest);
    throw finalError(last, saver, iteration, input.options);
  } finally {
    // The consumer left.
    if (!isGoingOn) await saver.finishWith(newest);
  }
}

/** The error that ends the run: it names the checkpoint with the copy. */
function finalError(
  error: unknown,
  { path, failure }: Saver,
  iteration: number,
  { compute }: Pick<TrainingOptions, 'compute'>,
): unknown {
  if (!isEngineFailure(error)) return error;
  const problem = `${asSentence(error.problem)} No other engine could continue.`;
  const Kind = error instanceof MemoryError ? MemoryError : EngineLostError;
  if (failure) return new Kind(`${problem} ${failure.problem}`, { cause: error });
  if (path === undefined) return new Kind(problem, { cause: error });
  const saved = `The model of iteration ${formatCount(iteration)} is saved.`;
  return new Kind(`${problem} ${saved}`, {
    cause: error,
    remedies: [
      { text: 'To continue from there', set: { resume: path } },
      // No engine of the CPU computes in float16.
      ...(compute === 'float16'
        ? [{ text: 'To continue from there on the CPU', set: { resume: path, compute: 'float32' } }]
        : []),
    ],
  });
}

/**
 * Makes a run on its engine or, if that engine is lost in the meantime or has too little memory, on the one that replaces it.
 *
 * @throws {MemoryError} before anything is allocated, if the model does not fit in memory
 */
export async function* runOnWorkingEngine(
  given: RunInput,
  config: ModelConfig,
  splits: Splits,
): AsyncGenerator<TrainingEvent, Pick<Parts, 'input' | 'run'>, void> {
  for (let input = given; ; ) {
    checkRunFits(input, config, splits);
    try {
      return { input, run: new TrainingRun(input, config, splits) };
    } catch (error) {
      if (!input.replaceEngine) throw error;
      const iteration = input.start?.training?.iteration ?? 0;
      const { engine, warning } = await input.replaceEngine(error, iteration);
      yield warning;
      input = { ...input, engine };
    }
  }
}

function checkRunFits({ engine, options, start, ...input }: RunInput, config: ModelConfig, splits: Splits) {
  const { limits, canBeLost } = engine.description;
  const facts = { saves: input.storage !== undefined, canBeLost, longest: splits.train.longest };
  const bounds = { available: input.availableMemory, limits };
  checkMemory(config, memoryNeeds(options, facts), bounds, start?.training !== undefined);
}
