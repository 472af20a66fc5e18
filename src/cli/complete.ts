/** `char-rnn complete`: the most likely words after a text. */
import { UsageError } from '../errors.ts';
import { LanguageModel } from '../language-model.node.ts';
import type { LikelyWords } from '../sample/likely-words.ts';
import { checkOptions } from '../util/check-options.ts';
import { parseArguments } from './arguments.ts';
import { completeCommand } from './commands.ts';
import { completeFlagsSchema } from './flags.ts';
import { commandHelp } from './help.ts';
import { watchOutput } from './output.ts';
import { reportError } from './report-error.ts';

export async function runComplete(words: readonly string[]): Promise<number> {
  let typed: ReadonlyMap<string, string> | undefined;
  try {
    const given = parseArguments(words, completeCommand.flags);
    typed = given.typed;
    if (given.help) {
      process.stdout.write(commandHelp(completeCommand));
      return 0;
    }
    const [path, text = '\n', ...more] = given.positionals;
    if (path === undefined || more.length > 0) {
      throw new UsageError(
        `complete takes a checkpoint and perhaps a text, got ${given.positionals.length}: char-rnn complete CHECKPOINT "TEXT"`,
      );
    }
    const { count, json, engine, threads } = checkOptions(completeFlagsSchema, given.values);
    watchOutput((code) => process.exit(code));
    const model = await LanguageModel.load(path, { engine, threads });
    try {
      const found = await model.complete(text, {
        count,
        onNotice: (message) => process.stderr.write(`${message}\n`),
      });
      const lines = json ? [JSON.stringify({ text, ...found }, undefined, 2)] : wordLines(text, found);
      process.stdout.write(`${lines.join('\n')}\n`);
    } finally {
      await model.close();
    }
    return 0;
  } catch (error) {
    return reportError(error, completeCommand.name, typed);
  }
}

function wordLines(text: string, { words, completes }: LikelyWords): string[] {
  const begun = completes ? (/[\p{L}\p{M}\p{N}'\u2019-]+$/u.exec(text)?.[0] ?? '') : '';
  return words.map((word) => `${(word.probability * 100).toFixed(2).padStart(6)}%  ${begun}${word.text}`);
}
