/** `run.json`: how a run was started, as a config file that repeats it. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StartedEvent } from '../../train/events.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { VERSION } from '../../util/version.ts';
import { RUN_FILE_KIND } from '../arguments/config-file.ts';

export interface RunStart {
  /** What was named to train on. */
  readonly textFile: string | readonly string[] | undefined;
  /** Options beside those of training that decide what is learned, by their names in the library. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Those of `inputs` that are paths. */
  readonly paths: ReadonlySet<string>;
  /** Where `inputs` come from that were given. */
  readonly origins: OptionOrigins;
}

/** The content of the file: every option of the run, however it came to its value. Paths are absolute. */
export function runConfig({ options, origins }: Pick<StartedEvent, 'options' | 'origins'>, start: RunStart) {
  const inputs = Object.entries(start.inputs).filter(([, value]) => value !== undefined);
  // The shape that --fit chose is among the options.
  const all = { ...options, fit: false };
  const { fit: _, ...ofOptions } = origins;
  const ofInputs = inputs.flatMap(([key]) => {
    const origin = start.origins[key];
    return origin === undefined ? [] : [[key, origin] as const];
  });
  return {
    kind: RUN_FILE_KIND,
    version: VERSION,
    command: 'train',
    text: [start.textFile ?? []].flat().map(absolute),
    ...Object.fromEntries(
      inputs.map(([key, value]) => [
        key,
        start.paths.has(key) && typeof value === 'string' ? absolute(value) : value,
      ]),
    ),
    ...all,
    origins: { ...ofOptions, ...Object.fromEntries(ofInputs) },
  };
}

/**
 * Writes the file of a run that begins; the one of a run that goes on stays as it is.
 *
 * @returns a line where it could not be written
 */
export function writeRunFile(event: StartedEvent, start: RunStart): string | undefined {
  const { writes, files } = event;
  if (event.start === 'resumed' || writes === undefined || files === undefined) return undefined;
  const path = join(writes, files.config);
  try {
    mkdirSync(writes, { recursive: true });
    writeFileSync(`${path}.tmp`, `${JSON.stringify(runConfig(event, start), undefined, 2)}\n`);
    renameSync(`${path}.tmp`, path);
    return undefined;
  } catch (error) {
    return `${path} can't be written: ${describeSystemError(error)}.`;
  }
}

function absolute(path: string): string {
  return path === '-' ? path : resolve(path);
}
