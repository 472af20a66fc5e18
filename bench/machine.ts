/** What a benchmark says about the machine: its processor, and its peak rate. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Processors that this process may use. */
export const PROCESSORS = availableParallelism();

/** The name of the processor. Virtual machines give different processors the same name, so Linux's family and model follow. */
export function processorName(): string {
  const name = cpus()[0]?.model.trim() || 'unknown processor';
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const field = (key: string) => new RegExp(`^${key}\\s*: (\\d+)$`, 'm').exec(info)?.[1];
  const [family, model] = [field('cpu family'), field('model')];
  return family && model ? `${name} (family ${family}, model ${model})` : name;
}

/** Returns a function that measures the peak GFLOPS of all processors; undefined without a compiler. */
export function makePeak(): (() => number) | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'peak');
  const source = fileURLToPath(new URL('peak.cpp', import.meta.url));
  const flags = ['-O3', '-march=native', '-mprefer-vector-width=512', '-ffp-contract=fast', '-pthread'];
  const { status } = spawnSync('g++', [...flags, source, '-o', program], { stdio: 'ignore' });
  return status === 0
    ? () => Number(execFileSync(program, [String(PROCESSORS), '1'], { encoding: 'utf8' }))
    : undefined;
}
