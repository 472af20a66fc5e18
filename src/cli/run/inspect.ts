/** `char-rnn inspect`: shows the contents of a model file in any known format. */
import { stat } from 'node:fs/promises';
import { tensorStatistics } from '../../checkpoint/tensor-statistics.ts';
import { UsageError } from '../../errors.ts';
import { openCheckpointPath, readVocabularyFile } from '../../formats/read.node.ts';
import type { Flag } from '../arguments/flag-table.ts';
import type { CommandInput } from '../command.ts';
import {
  checkpointJson,
  checkpointLines,
  LABEL_WIDTH,
  tensorLines,
  vocabularyLines,
} from '../report/inspect-report.ts';
import { outputWidth, watchOutput } from '../terminal/output.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { findModelFile } from './model-file.ts';

export interface InspectFlags {
  readonly json: boolean;
  readonly tensors: boolean;
  /** The text to label units on; empty: the model writes one. */
  readonly units?: string | undefined;
}

export async function runInspect(
  { positionals, commands }: CommandInput,
  { json, tensors, units }: InspectFlags,
): Promise<number> {
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) {
    throw new UsageError(`inspect takes one checkpoint, got ${positionals.length}.`, {
      remedies: [{ text: 'For example', command: ['inspect', 'cv'] }],
    });
  }
  if (units !== undefined) {
    const { inspectUnits } = await import('./inspect-units.ts');
    return inspectUnits(path, units, json);
  }
  const trainFlags = commands.find(({ name }) => name === 'train')?.flags ?? [];
  const text = await report(path, json, tensors, trainFlags);
  watchOutput((code) => {
    process.exitCode = code;
  });
  process.stdout.write(`${text}\n`);
  return 0;
}

async function report(
  given: string,
  json: boolean,
  withTensors: boolean,
  trainFlags: readonly Flag[],
): Promise<string> {
  const path = await findModelFile(given);
  const tokens = await readVocabularyFile(path);
  if (tokens) {
    const facts = { path, format: 'vocabulary', tokens };
    return json ? JSON.stringify(facts, undefined, 2) : vocabularyLines(path, tokens).join('\n');
  }
  const opened = await openCheckpointPath(path);
  const file = { path, bytes: (await stat(path)).size, ...opened };
  const tensors = withTensors ? tensorStatistics(opened.checkpoint) : undefined;
  if (json) return JSON.stringify({ ...checkpointJson(file), tensors }, undefined, 2);
  const facts = checkpointLines(file, trainFlags).flatMap((line) =>
    wrapHanging(line, LABEL_WIDTH, outputWidth()),
  );
  return [...facts, ...(tensors ? tensorLines(tensors) : [])].join('\n');
}
