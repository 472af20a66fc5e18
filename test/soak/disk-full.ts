/**
 * Trains on a disk that becomes full. Earlier checkpoints must stay unchanged, training must continue with a warning, and once there is
 * space again, checkpoints must be saved again.
 *
 *     npm run build && node --import tsx test/soak/disk-full.ts [iterations]
 *
 * If the process may mount file systems, the disk is a file system of 400 kB in memory, which a file fills in the middle of the run. Else a
 * limit on file sizes prevents every checkpoint from being written.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const index = new URL('../../dist/index.js', import.meta.url).href;
const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);
const OPTIONS = {
  text,
  hiddenSize: 12,
  layers: 1,
  batchSize: 4,
  sequenceLength: 10,
  evaluateEvery: 10,
  keep: 3,
};

export interface DiskFigures {
  readonly iterations: number;
  readonly saved: number;
  readonly warnings: number;
  readonly message: string;
  /** Iterations after the first warning. */
  readonly after: number;
  /** Checkpoints saved after the last warning. */
  readonly again: number;
  /** Checkpoints on disk at the end. Each of them was read. */
  readonly read: number;
  /** Checkpoints that existed when the disk became full and have changed since. */
  readonly changed: number;
  readonly leftovers: number;
  /** Iterations in the log, which has no other lines than whole events. */
  readonly logged: number;
  /** The code of the error that ended the run. */
  readonly code: string | undefined;
}

/** Trains, fills the disk for a third of the run if it can, and reports what happened. */
const PROGRAM = `
  import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';
  const [index, json, folder, fills] = process.argv.slice(-4);
  const { train, LanguageModel } = await import(index);
  const options = JSON.parse(json);
  const cv = join(folder, 'cv');
  const own = () => readdirSync(cv).filter((name) => name.startsWith('lm_'));
  const contents = () => new Map(own().map((name) => [name, readFileSync(join(cv, name)).toString('base64')]));
  const filler = join(folder, 'filler');
  const fill = () => {
    for (let size = 65536; size >= 512; )
      try { writeFileSync(filler, Buffer.alloc(size), { flag: 'a' }); } catch { size /= 2; }
  };
  let [saved, warnings, message, first, again, iteration] = [0, 0, '', undefined, 0, 0];
  let there = new Map();
  let changed = 0;
  let code;
  const third = Math.floor(options.maxIterations / 3);
  try {
    for await (const event of train({ ...options, checkpointDir: cv, checkpointEvery: '1' })) {
      if (event.type === 'checkpointed') { saved++; again++; }
      if (event.type === 'warning' && event.code === 'checkpoint-save-failed') {
        warnings++; again = 0; message = event.message; first ??= iteration;
      }
      if (event.type !== 'iteration') continue;
      iteration = event.iteration;
      if (fills === 'yes' && iteration === third) { there = contents(); fill(); }
      if (fills === 'yes' && iteration === 2 * third) {
        const now = contents();
        for (const [name, bytes] of there) if (now.has(name) && now.get(name) !== bytes) changed++;
        rmSync(filler);
      }
    }
  } catch (error) { code = error.code; }
  let read = 0;
  for (const name of readdirSync(cv).filter((name) => !name.startsWith('.') && name.endsWith('.safetensors'))) {
    await (await LanguageModel.load(join(cv, name))).close();
    read++;
  }
  const lines = readFileSync(join(cv, 'lstm.log.jsonl'), 'utf8').trimEnd().split('\\n');
  const logged = lines.filter((line) => JSON.parse(line).type === 'iteration').length;
  const leftovers = readdirSync(cv).filter((name) => name.startsWith('.')).length;
  console.log(JSON.stringify({ iterations: iteration, saved, warnings, message, after: iteration - (first ?? iteration), again, read, changed, leftovers, logged, code }));`;

/** Whether this process may mount a file system in its own namespace. */
export function canMount(): boolean {
  return spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;
}

/** @param kind `tmpfs`: a small file system becomes full and has space again; `limit`: files larger than 8 kB can't be written. */
export function trainOnFullDisk(kind: 'tmpfs' | 'limit', iterations: number): DiskFigures {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-disk-'));
  try {
    const program = join(folder, 'program.mjs');
    const disk = join(folder, 'disk');
    writeFileSync(program, PROGRAM);
    const prepare =
      kind === 'tmpfs'
        ? `mkdir '${disk}' && mount -t tmpfs -o size=400k none '${disk}'`
        : `mkdir '${disk}' && ulimit -f 16`;
    const words = [
      index,
      JSON.stringify({ ...OPTIONS, maxIterations: iterations }),
      disk,
      kind === 'tmpfs' ? 'yes' : 'no',
    ];
    const shell = ['sh', '-c', `${prepare} && exec "$0" "$@"`, process.execPath, program, ...words];
    const [command = '', ...rest] = kind === 'tmpfs' ? ['unshare', '-rm', ...shell] : shell;
    const { stdout, stderr } = spawnSync(command, rest, {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const iterations = Number(process.argv[2] ?? 300);
  for (const kind of ['tmpfs', 'limit'] as const) {
    if (kind === 'limit' || canMount()) console.log(kind, JSON.stringify(trainOnFullDisk(kind, iterations)));
  }
}
