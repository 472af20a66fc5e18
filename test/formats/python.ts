/** Python for tests that compare our files with other programs. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** An interpreter that has a module. Without one, the test is skipped with a message. */
export function python(context: TestContext, module: 'numpy' | 'torch' | 'tensorboard'): string | undefined {
  for (const interpreter of ['python3', '/usr/bin/python3']) {
    // Only looks the module up, because importing PyTorch takes seconds.
    const look = `import sys, importlib.util as u; sys.exit(u.find_spec('${module}') is None)`;
    if (spawnSync(interpreter, ['-c', look]).status === 0) return interpreter;
  }
  context.skip(`there is no Python with ${module}`);
  return undefined;
}
