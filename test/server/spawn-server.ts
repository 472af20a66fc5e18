/** Starts the built program's server in its own process, for soak tests and benchmarks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import type { LanguageModel } from '../../src/language-model.ts';
import { joined } from '../checkpoint/made-checkpoint.ts';
import { program } from '../cli/command.ts';

export interface SpawnedServer {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has printed since it began to listen. */
  printed(): string;
  /** Its resident memory in MB; NaN if the system does not report it. */
  residentMegabytes(): number;
  stop(): void;
}

/** @param words Flags of the command. */
export async function spawnServer(
  model: LanguageModel,
  words: readonly string[] = [],
): Promise<SpawnedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-server-'));
  const path = join(folder, 'model.safetensors');
  writeFileSync(path, joined(encodeCheckpoint(model.checkpoint)));
  const child = spawn(process.execPath, [program, 'serve', path, '--port', '0', ...words], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stderr });
  const url = await new Promise<string>((resolve, reject) => {
    reader.on('line', (line) => {
      const [, found] = /^listening on (.*)\/v1$/.exec(line) ?? [];
      if (found === undefined) lines.push(line);
      else resolve(found);
    });
    reader.on('close', () => reject(new Error(`the server did not start:\n${lines.join('\n')}`)));
  });
  lines.length = 0;
  return {
    url,
    child,
    printed: () => lines.join('\n'),
    residentMegabytes() {
      try {
        return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
      } catch {
        return Number.NaN;
      }
    },
    stop() {
      child.kill();
      rmSync(folder, { recursive: true });
    },
  };
}
