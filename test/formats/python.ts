/** A Python for tests that hold what is written against other programs. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** An interpreter that has a module; without one the test is skipped, and says so. */
export function python(context: TestContext, module: 'numpy' | 'torch' | 'tensorboard'): string | undefined {
  for (const interpreter of ['python3', '/usr/bin/python3']) {
    // Importing PyTorch takes seconds; that it is there is known at once.
    const look = `import sys, importlib.util as u; sys.exit(u.find_spec('${module}') is None)`;
    if (spawnSync(interpreter, ['-c', look]).status === 0) return interpreter;
  }
  context.skip(`there is no Python with ${module}`);
  return undefined;
}
