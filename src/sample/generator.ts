/**
 * Draws tokens from a model, one after the other, as the original's `sample` does.
 *
 * The state starts at zero and reads the prompt; then each token is drawn from the prediction after the one before. Streams
 * are computed side by side; what each draws does not depend on the others.
 * Without a prompt the first token is uniform over the vocabulary, and costs one random number like every other.
 *
 * Where it can, the engine draws by itself, many steps at a time; else each token is chosen here, between two steps.
 */
import type { Engine, Vector } from '../engine/engine.ts';
import { TurnTaker } from '../util/event-loop.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Constraint } from './constraint.ts';
import { type Controls, canDraw } from './controls.ts';
import { EngineStreams } from './engine-streams.ts';
import { rowDraw } from './row-draw.ts';
import { type Limits, TextEnd } from './stops.ts';
import { TextStream, type TokenPiece } from './text-stream.ts';
import { TokenChooser } from './token-chooser.ts';
import { PredictionReader } from './token-details.ts';

export interface StreamSetup {
  /** What the stream reads first. */
  readonly prompt: readonly number[];
  readonly generator: MersenneTwister;
  /** What the text must look like. */
  readonly constraint?: Constraint | undefined;
}

export interface TokenGeneration {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly controls: Controls;
  readonly limits: Limits;
  readonly streams: readonly StreamSetup[];
  /** How many alternatives the details of a token name; without details where absent. */
  readonly alternatives?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Steps between two pieces at most, and the milliseconds that they should take. */
const MOST_STEPS = 64;
const LONG = 20;
const SHORT = 5;

/**
 * The texts as they are written: each time some more of every one that goes on. The last piece of each says why it ends.
 *
 * @throws the signal's reason when it is aborted
 */
export async function* generateTokens(
  generation: TokenGeneration,
): AsyncGenerator<readonly TokenPiece[], void, void> {
  const { engine, weights, controls, streams, signal } = generation;
  const texts = makeTexts(generation);
  const finished = texts.filter((text) => text.ended).map((text) => text.flush());
  if (finished.length > 0) yield finished;
  if (finished.length === texts.length) return;
  const rows = new EngineStreams({
    engine,
    weights,
    vocabularySize: controls.vocabularySize,
    prompts: streams.map(({ prompt }) => prompt),
  });
  const draw = isDrawnByEngine(generation) ? drawByEngine : chooseHere;
  const turns = new TurnTaker();
  try {
    await rows.readPrompts(turns, signal);
    let stride = 1;
    for (;;) {
      await rows.keep(goingOn(rows, texts));
      if (rows.streams.length === 0) return;
      signal?.throwIfAborted();
      await turns.take();
      const start = performance.now();
      await draw(rows, texts, Math.min(stride, MOST_STEPS), generation);
      const active = rows.streams.map((stream) => texts[stream] as TextStream);
      for (const text of active) text.checkTime();
      yield active.map((text) => text.flush());
      const time = performance.now() - start;
      if (time < SHORT) stride = Math.min(MOST_STEPS, stride * 2);
      else if (time > LONG) stride = Math.max(1, stride >> 1);
    }
  } finally {
    rows.release();
  }
}

function makeTexts({ controls, limits, streams, alternatives }: TokenGeneration): TextStream[] {
  const reader =
    alternatives === undefined ? undefined : new PredictionReader(controls.vocabularySize, alternatives);
  return streams.map(
    ({ generator, constraint }, stream) =>
      new TextStream({
        stream,
        chooser: new TokenChooser(controls, generator, constraint),
        end: new TextEnd(limits),
        constraint,
        reader,
      }),
  );
}

/** Whether the engine can draw by itself. */
function isDrawnByEngine({ engine, controls, streams, alternatives }: TokenGeneration): boolean {
  return (
    canDraw(engine, controls) && alternatives === undefined && streams.every(({ constraint }) => !constraint)
  );
}

/** The rows whose texts go on. */
function goingOn(rows: EngineStreams, texts: readonly TextStream[]): number[] {
  return [...rows.streams.keys()].filter((row) => !(texts[rows.streams[row] as number] as TextStream).ended);
}

async function drawByEngine(
  rows: EngineStreams,
  texts: readonly TextStream[],
  mostSteps: number,
  { controls, limits, streams }: TokenGeneration,
): Promise<void> {
  const active = rows.streams.map((stream) => texts[stream] as TextStream);
  const N = active.length;
  // All that go on have drawn the same number of tokens.
  const steps = Math.min(mostSteps, limits.length - (active[0] as TextStream).length);
  const uniforms = new Float64Array(steps * N);
  // A greedy step costs no random number.
  if (controls.temperature > 0) {
    const generators = rows.streams.map((stream) => (streams[stream] as StreamSetup).generator);
    for (let i = 0; i < uniforms.length; i++) {
      uniforms[i] = (generators[i % N] as MersenneTwister).nextUniform();
    }
  }
  const tokens = await rows.draw({
    uniforms,
    rows: active.map(({ recent }) => rowDraw({ controls, recent }, steps)),
  });
  active.forEach((text, row) => {
    for (let at = row; at < steps * N && !text.ended; at += N) text.take(tokens[at] as number);
  });
}

async function chooseHere(
  rows: EngineStreams,
  texts: readonly TextStream[],
  steps: number,
  { controls }: TokenGeneration,
): Promise<void> {
  const active = rows.streams.map((stream) => texts[stream] as TextStream);
  const tokens = new Int32Array(active.length);
  for (let step = 0; step < steps; step++) {
    const predictions = await rows.predictions();
    let goOn = false;
    for (const [row, text] of active.entries()) {
      // Until it is taken out of the rows, a text that has ended reads its last token again.
      if (text.ended) continue;
      tokens[row] = text.choose(predictions, row * controls.vocabularySize);
      goOn ||= !text.ended;
    }
    if (!goOn) return;
    rows.step(tokens);
  }
}
