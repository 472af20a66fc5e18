#!/usr/bin/env node
/** The entry of the command line: finds the command, and loads its modules only then. */
import { VERSION } from '../util/version.ts';
import { overview } from './help/overview.ts';
import { programName } from './help/program-name.ts';
import { prepareForHangup } from './terminal/hangup.ts';

/** A command: takes the words after its name, gives the exit code. */
type Run = (words: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<Run>>> = {
  train: async () => (await import('./commands/train.ts')).runTrain,
  sample: async () => (await import('./commands/sample.ts')).runSample,
  ls: async () => (await import('./commands/ls.ts')).runLs,
  convert: async () => (await import('./commands/convert.ts')).runConvert,
  inspect: async () => (await import('./commands/inspect.ts')).runInspect,
  eval: async () => (await import('./commands/eval.ts')).runEval,
  compare: async () => (await import('./commands/compare.ts')).runCompare,
  complete: async () => (await import('./commands/complete.ts')).runComplete,
  serve: async () => (await import('./commands/serve.ts')).runServe,
  doctor: async () => (await import('./commands/doctor.ts')).runDoctor,
  completions: async () => (await import('./commands/completions.ts')).runCompletions,
  'build-native': async () => (await import('./commands/build-native.ts')).runBuildNative,
};

const VERSION_FLAGS = new Set(['--version', '-version', '-v', '-V']);

async function main(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    process.stderr.write(overview(programName()));
    return 2;
  }
  if (VERSION_FLAGS.has(first)) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  if (first === 'help' && rest[0] !== undefined) return main([rest[0], '--help']);
  if (first === 'help' || first === '--help' || first === '-help' || first === '-h') {
    process.stdout.write(overview(programName()));
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (load) return (await load())(rest);
  const { unknownCommand } = await import('./arguments/unknown-command.ts');
  process.stderr.write(unknownCommand(words, Object.keys(COMMANDS)));
  return 2;
}

// Nobody may read the diagnostics any more: that is no reason to lose work.
process.stderr.on('error', () => {});
prepareForHangup();
const exitCode = await main(process.argv.slice(2));
// Output that could not be written has set it already.
process.exitCode ||= exitCode;
