/** `char-rnn inspect --units`: lists the units that track something. */

import { encodePrompt } from '../../sample/prompt.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import { unitName, unitsJson, unitsLines } from '../report/units-report.ts';
import { outputWidth } from '../terminal/output.ts';
import { withProgress } from '../terminal/progress-line.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { inspectedText, withModel, writtenText } from './inspected-text.ts';
import { findModelFile } from './model-file.ts';

/** @param path Of the text; empty: the model writes one. */
export async function inspectUnits(given: string, path: string, json: boolean): Promise<number> {
  const file = await findModelFile(given);
  return withModel(file, {}, async (model, { output, signal }) => {
    const text = path === '' ? await writtenText(model, signal) : await inspectedText(model, path);
    let symbols = 0;
    const labels = await withProgress('reading', async (onProgress) => {
      symbols = encodePrompt(model.vocabulary, text.content, 'nearest').tokens.length;
      return model.labelUnits(text.content, { signal, onProgress: (fraction) => onProgress(fraction, 1) });
    });
    const about = { name: text.name, symbols };
    const lines = json
      ? [JSON.stringify(unitsJson(labels, about), undefined, 2)]
      : unitsLines(labels, about).flatMap((line) => wrapHanging(line, 2, outputWidth()));
    await output.write(`${lines.join('\n')}\n`);
    const [first] = labels;
    if (!json && first?.label !== undefined) {
      const words = [
        'eval',
        fileWord(given),
        path === '' ? 'book.txt' : fileWord(path),
        '--unit',
        unitName(first),
      ];
      await output.write(`Colour a text by one of them: ${commandLine(words)}\n`);
    }
  });
}
