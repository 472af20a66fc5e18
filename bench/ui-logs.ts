/** Logs of made-up runs, to measure `char-rnn ui` with. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const start = Date.parse('2026-11-01T00:00:00.000Z');
const at = (seconds: number) => new Date(start + seconds * 1000).toISOString();

function startedLine(seed: number): string {
  const text = { name: 'book.txt', bytes: 1e6, sha256: '0', characters: 1e6 };
  return `${JSON.stringify({
    ...{ time: at(0), type: 'started', formatVersion: 2, programVersion: '0.1.0', runId: `run-${seed}` },
    ...{
      options: { cell: 'lstm', layers: 2, hiddenSize: 128, seed },
      origins: { seed: 'flag' },
      start: 'new',
      text,
    },
    ...{
      vocabularySize: 65,
      batches: { train: 400, validation: 20, test: 0 },
      tokens: 1e6,
      parameters: 240_321,
    },
    ...{ memory: 1e8, engine: 'CPU', iteration: 0, iterations: 1e6 },
  })}\n`;
}

export function iterationLine(iteration: number, seed: number): string {
  const trainLoss = 1.5 + 2 * Math.exp(-iteration / 300) + 0.1 * Math.sin(iteration * seed);
  return `${JSON.stringify({
    ...{
      time: at(iteration / 12),
      type: 'iteration',
      iteration,
      iterations: 1e6,
      epoch: iteration / 400,
      trainLoss,
    },
    ...{ learningRate: 0.002, gradientNorm: 2 + Math.sin(iteration), parameterNorm: 30.123456789 },
    ...{ tokens: 2500, milliseconds: 80.88337200000009 },
  })}\n`;
}

function evaluatedLine(iteration: number): string {
  const event = { type: 'evaluated', iteration, epoch: iteration / 400, validationLoss: 1.6, best: true };
  return `${JSON.stringify({ time: at(iteration / 12), ...event })}\n`;
}

/** @returns the number of iterations */
export function writeLog(path: string, bytes: number, seed: number): number {
  mkdirSync(join(path, '..'), { recursive: true });
  const file = openSync(path, 'w');
  let [text, written, iteration] = [startedLine(seed), 0, 0];
  while (written + text.length < bytes) {
    text += iterationLine(++iteration, seed);
    if (iteration % 100 === 0) text += evaluatedLine(iteration);
    if (text.length < 2 ** 20) continue;
    written += text.length;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, text);
  closeSync(file);
  return iteration;
}
