/** Checkpoints written by the original programs, with their results. */
import { readFileSync } from 'node:fs';

export interface OriginalFixture {
  readonly opt: Readonly<Record<string, unknown>>;
  readonly i: number;
  readonly text: string;
  /** In the file's order, as the log-probabilities. */
  readonly vocab_bytes: readonly number[];
  /** After each character of the text. */
  readonly logprobs: readonly (readonly number[])[];
}

export const charRnnFixtures = [
  'lstm16x2',
  'gru16x2',
  'rnn16x2',
  'lstm24x3_drop25',
  'float_lstm16x2',
] as const;
export const torchRnnFixtures = ['torchrnn_lstm16x2', 'torchrnn_rnn16x2'] as const;
export const allFixtures = [...charRnnFixtures, ...torchRnnFixtures];

function urlOf(file: string): URL {
  return new URL(`../../fixtures/original/checkpoints/${file}`, import.meta.url);
}

export function fixtureFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(urlOf(`${name}.t7`)));
}

export function fixtureNumbers<T = OriginalFixture>(name: string): T {
  return JSON.parse(readFileSync(urlOf(`${name}.json`), 'utf8'));
}
