#!/usr/bin/env node
/** The entry of the command line: finds the command, and loads its modules only then. */
import { VERSION } from '../util/version.ts';
import { prepareForHangup } from './hangup.ts';
import { overview } from './overview.ts';
import { programName } from './program-name.ts';

/** A command: takes the words after its name, gives the exit code. */
type Run = (words: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<Run>>> = {
  train: async () => (await import('./train.ts')).runTrain,
  sample: async () => (await import('./sample.ts')).runSample,
  ls: async () => (await import('./ls.ts')).runLs,
  convert: async () => (await import('./convert.ts')).runConvert,
  inspect: async () => (await import('./inspect.ts')).runInspect,
  eval: async () => (await import('./eval.ts')).runEval,
  compare: async () => (await import('./compare.ts')).runCompare,
  complete: async () => (await import('./complete.ts')).runComplete,
  serve: async () => (await import('./serve.ts')).runServe,
  doctor: async () => (await import('./doctor.ts')).runDoctor,
  completions: async () => (await import('./completions.ts')).runCompletions,
  'build-native': async () => (await import('./build-native.ts')).runBuildNative,
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
  const { unknownCommand } = await import('./unknown-command.ts');
  process.stderr.write(unknownCommand(words, Object.keys(COMMANDS)));
  return 2;
}

// Nobody may read the diagnostics any more: that is no reason to lose work.
process.stderr.on('error', () => {});
prepareForHangup();
const exitCode = await main(process.argv.slice(2));
// Output that could not be written has set it already.
process.exitCode ||= exitCode;
