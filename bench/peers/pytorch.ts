/** PyTorch as the peer of bench/compare.ts: which Python has it, and how it is timed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The Python of the virtual environment that INSTALL_PYTORCH creates. */
const OWN_PYTHON = fileURLToPath(new URL('../../build/pytorch/bin/python', import.meta.url));
/** The Python that runs PyTorch: BENCH_PYTHON, or that of the virtual environment if there is one, or Debian's. */
const PYTHON = process.env.BENCH_PYTHON || (existsSync(OWN_PYTHON) ? OWN_PYTHON : '/usr/bin/python3');
/** Debian's PyTorch is faster with this OpenBLAS than with the one that is the default. */
const OPENBLAS = '/usr/lib/x86_64-linux-gnu/openblas-openmp';
const SCRIPT = fileURLToPath(new URL('pytorch.py', import.meta.url));

/** An environment in build/pytorch is not used while BENCH_PYTHON names another Python. */
const REMEDY = process.env.BENCH_PYTHON
  ? 'Let BENCH_PYTHON name a Python that has it. Or unset BENCH_PYTHON, install PyTorch and run this again:'
  : 'Install it and run this again:';
/** What to do without PyTorch. */
export const INSTALL_PYTORCH = `${PYTHON} has no PyTorch, so there is nothing to compare with. ${REMEDY}
  python3 -m venv build/pytorch
  build/pytorch/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
If you have the wheel in a folder, replace --index-url and its address with --no-index --find-links FOLDER.
Debian's older version also works: apt install python3-torch libopenblas0-openmp`;

/** Milliseconds of an iteration: median, best and mean of the clock. */
export interface Timing {
  readonly median: number;
  readonly best: number;
  readonly wall: number;
}

/** The version of PyTorch; undefined without it. */
export function pytorchVersion(): string | undefined {
  const program = 'import torch; print(torch.__version__)';
  const { status, stdout } = spawnSync(PYTHON, ['-c', program], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Times iterations of PyTorch.
 *
 * @param words the arguments of pytorch.py
 * @param threads threads of PyTorch, and of the libraries that it uses
 * @throws {Error} if PyTorch fails
 */
export function timePytorch(words: readonly (string | number)[], threads: number): Timing {
  const env = {
    ...process.env,
    OMP_NUM_THREADS: String(threads),
    ...(existsSync(OPENBLAS) && { LD_LIBRARY_PATH: OPENBLAS }),
  };
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT, ...words.map(String)], {
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(`${PYTHON} ${SCRIPT} ${words.join(' ')} failed:\n${stderr}`);
  return JSON.parse(stdout) as Timing;
}
