/** `char-rnn complete`: the most likely words after a text. */

import { readingNotices } from '../../checkpoint/checkpoint.ts';
import { UsageError } from '../../errors.ts';
import { LanguageModel } from '../../language-model.node.ts';
import type { LikelyWords } from '../../sample/search/likely-words.ts';
import { checkOptions } from '../../util/check-options.ts';
import { readPrompt } from '../arguments/escapes.ts';
import { completeCommand } from '../commands.ts';
import { completeFlagsSchema } from '../flags.ts';
import { modelFile } from '../model-file.ts';
import { runCommand } from '../run-command.ts';
import { note } from '../terminal/note.ts';
import { watchOutput } from '../terminal/output.ts';

export function runComplete(words: readonly string[]): Promise<number> {
  return runCommand(completeCommand, words, async ({ positionals, values }) => {
    const [named, typed = '\\n', ...more] = positionals;
    if (named === undefined || more.length > 0) {
      throw new UsageError(
        `complete takes a checkpoint and the text to complete, got ${positionals.length}.`,
        { remedies: [{ text: 'For example', command: ['complete', 'cv', 'Call me '] }] },
      );
    }
    const { count, json, unknown, engine, threads } = checkOptions(completeFlagsSchema, values);
    watchOutput((code) => process.exit(code));
    const path = await modelFile(named);
    const model = await LanguageModel.load(path, {
      engine,
      threads,
      // The probabilities have two decimals: float64 would only take longer.
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
  });
}

function wordLines(text: string, { words, completes }: LikelyWords): string[] {
  if (words.length === 0) return ['no word has a probability of 0.01% or more'];
  const begun = completes ? (/[\p{L}\p{M}\p{N}'\u2019-]+$/u.exec(text)?.[0] ?? '') : '';
  return words.map((word) => `${(word.probability * 100).toFixed(2).padStart(6)}%  ${begun}${word.text}`);
}
