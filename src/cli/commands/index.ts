/** All commands, in the order of the documentation. */
import type { Command } from '../command.ts';
import { averageCommand } from './average.ts';
import { buildNativeCommand } from './build-native.ts';
import { compareCommand } from './compare.ts';
import { completeCommand } from './complete.ts';
import { completionsCommand } from './completions.ts';
import { convertCommand } from './convert.ts';
import { doctorCommand } from './doctor.ts';
import { evalCommand } from './eval.ts';
import { inspectCommand } from './inspect.ts';
import { lsCommand } from './ls.ts';
import { sampleCommand } from './sample.ts';
import { serveCommand } from './serve.ts';
import { sweepCommand } from './sweep.ts';
import { trainCommand } from './train.ts';
import { uiCommand } from './ui.ts';

export const commands: readonly Command[] = [
  trainCommand,
  sweepCommand,
  sampleCommand,
  lsCommand,
  inspectCommand,
  convertCommand,
  averageCommand,
  evalCommand,
  compareCommand,
  completeCommand,
  serveCommand,
  uiCommand,
  doctorCommand,
  completionsCommand,
  buildNativeCommand,
];
