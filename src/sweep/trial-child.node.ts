/** Starts the process of a job, and follows it to its end. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { JobProgress, TrialEvaluation } from './store.ts';
import type { FromTrial, TrialResult, TrialTask } from './trial-messages.ts';

export interface TrialChild {
  /** How it ended; a text if it ended without a result. */
  readonly ended: Promise<TrialResult | string>;
  /** Asks it to save its state and to end. */
  stop(): void;
  kill(): void;
}

export interface TrialChildInput {
  readonly task: TrialTask;
  /** The program of the process. Default: the one that trains. */
  readonly script?: string | undefined;
  readonly onProgress: (progress: JobProgress) => void;
  readonly onEvaluated: (evaluation: TrialEvaluation) => void;
}

/** The program that trains: in the source, it is a TypeScript file. */
const SCRIPT = `trial-process.node.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
/** Characters of a process's error output that a message repeats. */
const MAX_ERRORS = 2000;

export function startTrialChild({ task, script, onProgress, onEvaluated }: TrialChildInput): TrialChild {
  const path = script ?? fileURLToPath(new URL(SCRIPT, import.meta.url));
  const execArgv = path.endsWith('.ts') ? ['--import', 'tsx'] : process.execArgv.filter(isForChildren);
  const child = fork(path, [], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let result: TrialResult | undefined;
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-MAX_ERRORS);
  });
  child.on('message', (message: FromTrial) => {
    if (message.type === 'progress') onProgress(message.progress);
    if (message.type === 'evaluated') onEvaluated(message.evaluation);
    if (message.type === 'result') result = message.result;
  });
  tell(child, { type: 'task', task });
  return {
    ended: new Promise((resolve) => {
      child.on('error', (error) => resolve(result ?? `its process could not be started: ${error.message}`));
      child.on('close', (code, signal) => resolve(result ?? endText(code, signal, errors)));
    }),
    stop: () => tell(child, { type: 'stop' }),
    kill: () => child.kill('SIGKILL'),
  };
}

/** A process that has ended can't get messages. */
function tell(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => {});
}

/** A child process must not get the inspector's port or a program text of its parent. */
function isForChildren(word: string): boolean {
  return !/^(--inspect|-e$|--eval|-p$|--print|--input-type|--test)/.test(word);
}

function endText(code: number | null, signal: string | null, errors: string): string {
  if (signal === 'SIGKILL') return 'its process was killed (SIGKILL), perhaps for lack of memory.';
  const last = errors.trim();
  return `its process ended with ${signal ?? `exit code ${code}`}${last === '' ? '.' : `:\n${last}`}`;
}
