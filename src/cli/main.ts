#!/usr/bin/env node
/** The entry point of the command line. */
import { runProgram } from './run-program.ts';

// Work continues if nobody reads the diagnostics any more.
process.stderr.on('error', () => {});
const exitCode = await runProgram(process.argv.slice(2));
// A failed write to standard output has set it already.
process.exitCode ||= exitCode;
