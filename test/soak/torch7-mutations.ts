/**
 * Reads damaged Torch7 files. Each must quickly give a named error or a valid model, and need no more memory than four times the file.
 *
 *     nice node --import tsx test/soak/torch7-mutations.ts 100000
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parameterCount } from '../../src/engine/layout.ts';
import { CheckpointError } from '../../src/errors.ts';
import { decodeTorch7, encodeTorch7, type Torch7Kind } from '../../src/formats/torch7/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { allFixtures } from '../formats/torch7/fixtures.ts';
import { fixtureGraph, torch7File } from '../formats/torch7/graphs.ts';
import { mutations } from './mutations.ts';

export interface Outcome {
  readonly tried: number;
  readonly read: number;
  /** How often each error occurred. */
  readonly errors: Readonly<Record<string, number>>;
  /** In processor time of all threads, so that other programs do not count. */
  readonly slowest: { readonly milliseconds: number; readonly what: string };
}

/** The name of a file, and its bytes. */
export function filesToDamage(): [string, Uint8Array][] {
  return allFixtures.flatMap((name): [string, Uint8Array][] =>
    (['binary', 'ascii', 'binary32'] as const).map((kind) => [
      `${name}, ${kind}`,
      torch7File(fixtureGraph(name), kind),
    ]),
  );
}

/** A large checkpoint: about 36 MB, or 12 MB in ASCII. */
export function largeFile(kind: Torch7Kind): Uint8Array {
  const checkpoint = madeCheckpoint({ layers: 2, hiddenSize: kind === 'ascii' ? 300 : 400 });
  return joined(encodeTorch7(checkpoint, { kind }));
}

/**
 * The maximum memory for reading damaged copies of a file, divided by the size of the file. It includes the copy itself, the result, and
 * garbage. The kernel's high-water mark is reset before each read.
 */
function memoryMultiple(file: Uint8Array, count: number, seed: number): number {
  let largest = 0;
  for (const { what, bytes } of mutations(file, count, { seed })) {
    globalThis.gc?.();
    writeFileSync('/proc/self/clear_refs', '5');
    const before = highestMemory();
    outcomeOf(bytes, what);
    largest = Math.max(largest, (highestMemory() - before + bytes.length) / bytes.length);
  }
  return largest;
}

function highestMemory(): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Reads damaged copies of several files. */
export function readDamaged(files: readonly [string, Uint8Array][], count: number, seed: number): Outcome {
  const errors: Record<string, number> = {};
  let tried = 0;
  let read = 0;
  let slowest = { milliseconds: 0, what: '' };
  for (const [name, file] of files) {
    for (const { what, bytes } of mutations(file, Math.ceil(count / files.length), { seed })) {
      const start = process.cpuUsage();
      const code = outcomeOf(bytes, `${name}: ${what}`);
      const { user, system } = process.cpuUsage(start);
      const milliseconds = (user + system) / 1000;
      tried++;
      if (code === undefined) read++;
      else errors[code] = (errors[code] ?? 0) + 1;
      if (milliseconds > slowest.milliseconds) slowest = { milliseconds, what: `${name}: ${what}` };
    }
  }
  return { tried, read, errors, slowest };
}

/** The code of the error; undefined if a model was read. */
function outcomeOf(bytes: Uint8Array, what: string): string | undefined {
  try {
    const { config, parameters, vocabulary } = decodeTorch7(bytes, 'damaged.t7');
    assert.equal(parameters.length, parameterCount(layoutOf(config)), what);
    assert.ok(parameters.every(Number.isFinite), what);
    assert.equal(vocabulary.size, config.vocabularySize, what);
    return undefined;
  } catch (error) {
    if (error instanceof CheckpointError && error.code.startsWith('torch7-')) return error.code;
    throw new Error(what, { cause: error });
  }
}

const [, script, first = '100000', second = '1', third = ''] = process.argv;
if (import.meta.url === pathToFileURL(script ?? '').href) {
  if (first === 'memory')
    console.log(memoryMultiple(new Uint8Array(readFileSync(third)), 45, Number(second)));
  else main(Number(first), Number(second));
}

function main(count: number, seed: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'torch7-mutations-'));
  for (const kind of ['binary', 'ascii'] as const) {
    const path = join(folder, kind);
    writeFileSync(path, largeFile(kind));
    const words = ['--expose-gc', '--import', 'tsx', script ?? '', 'memory', String(seed), path];
    const multiple = execFileSync(process.execPath, words, { encoding: 'utf8' }).trim();
    console.log(`${kind}: memory up to ${multiple} times the file`);
  }
  rmSync(folder, { recursive: true });
  console.log(readDamaged(filesToDamage(), count, seed));
}
