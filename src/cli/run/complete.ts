/** `char-rnn complete`: shows the most likely words after a text. */

import { readingNotices } from '../../checkpoint/checkpoint.ts';
import type { EngineName } from '../../engine/names.ts';
import { UsageError } from '../../errors.ts';
import { LanguageModel } from '../../language-model.node.ts';
import type { LikelyWords } from '../../sample/search/likely-words.ts';
import { readPrompt } from '../arguments/escapes.ts';
import type { CommandInput } from '../command.ts';
import { note } from '../terminal/note.ts';
import { watchOutput } from '../terminal/output.ts';
import { findModelFile } from './model-file.ts';
import { requestedGpu } from './requested-gpu.ts';

export interface CompleteFlags {
  readonly count: number;
  readonly json: boolean;
  readonly unknown: 'auto' | 'error' | 'skip' | 'nearest';
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  readonly gpu?: number | undefined;
  readonly opencl: number;
}

export async function runComplete(
  { positionals }: CommandInput,
  { count, json, unknown, engine, threads, ...gpuFlags }: CompleteFlags,
): Promise<number> {
  const [named, typed = '\\n', ...more] = positionals;
  if (named === undefined || more.length > 0) {
    throw new UsageError(`complete takes a checkpoint and the text to complete, got ${positionals.length}.`, {
      remedies: [{ text: 'For example', command: ['complete', 'cv', 'Call me '] }],
    });
  }
  watchOutput((code) => process.exit(code));
  const path = await findModelFile(named);
  const model = await LanguageModel.load(path, {
    engine,
    threads,
    gpu: requestedGpu(gpuFlags),
    // Percentages are printed with two decimals, for which float32 is enough.
    precision: 'float32',
    onNotice: note,
  });
  for (const notice of readingNotices(model.checkpoint)) note(`${path}: ${notice}`);
  const { text, notices } = readPrompt(typed, model.vocabulary, 'the text');
  for (const notice of notices) note(notice);
  try {
    const found = await model.complete(text, {
      count,
      unknown,
      onNotice: note,
    });
    const lines = json ? [JSON.stringify({ text, ...found }, undefined, 2)] : wordLines(text, found);
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await model.close();
  }
  return 0;
}

function wordLines(text: string, { words, completes }: LikelyWords): string[] {
  if (words.length === 0) return ['no word has a probability of 0.01% or more'];
  const begun = completes ? (/[\p{L}\p{M}\p{N}'\u2019-]+$/u.exec(text)?.[0] ?? '') : '';
  return words.map((word) => `${(word.probability * 100).toFixed(2).padStart(6)}%  ${begun}${word.text}`);
}
