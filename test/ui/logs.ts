/** Logs of runs that never happened. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LoggedEvent } from '../../src/train/log/logged-event.ts';

const START = Date.parse('2026-11-01T00:00:00.000Z');

/** A line of a log. @param seconds When, after the first of November. */
export function line(event: object, seconds = 0): string {
  return `${JSON.stringify({ time: new Date(START + seconds * 1000).toISOString(), ...event })}\n`;
}

export function started(more: object = {}): object {
  return {
    type: 'started',
    formatVersion: 2,
    programVersion: '0.1.0',
    host: 'secret-host',
    runId: 'run-1',
    options: { cell: 'lstm', layers: 1, hiddenSize: 8, learningRate: 0.002, seed: 7 },
    origins: { seed: 'flag' },
    start: 'new',
    text: {
      name: '/home/me/book.txt',
      bytes: 100,
      sha256: '00',
      characters: 100,
      paths: ['/home/me/book.txt'],
    },
    vocabularySize: 10,
    batches: { train: 10, validation: 1, test: 0 },
    tokens: 100,
    parameters: 1000,
    memory: 1000,
    engine: 'CPU',
    iteration: 0,
    iterations: 1000,
    writes: '/home/me/cv',
    ...more,
  };
}

export function iteration(number: number, trainLoss: number | null = 2, more: object = {}): object {
  return {
    type: 'iteration',
    iteration: number,
    iterations: 1000,
    epoch: number / 10,
    trainLoss,
    learningRate: 0.002,
    gradientNorm: 1,
    parameterNorm: 5,
    tokens: 50,
    milliseconds: 100,
    ...more,
  };
}

export function evaluated(number: number, validationLoss: number | null, best = true): object {
  return { type: 'evaluated', iteration: number, epoch: number / 10, validationLoss, best };
}

/** A run of some iterations with an evaluation after each tenth. */
export function run(iterations: number, more: object = {}): string {
  let text = line(started(more));
  for (let number = 1; number <= iterations; number++) {
    text += line(iteration(number, 1 + 1 / number), number);
    if (number % 10 === 0) text += line(evaluated(number, 1.5 + 1 / number), number);
  }
  return text;
}

export const finished = (number: number): object => ({
  type: 'finished',
  reason: 'completed',
  iteration: number,
  epoch: number / 10,
});

export function writeLog(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** As a program reads it. */
export function asEvent(event: object): LoggedEvent {
  return { time: '2026-11-01T00:00:00.000Z', ...event } as LoggedEvent;
}
