/** `run.json`: a config file with which a run can be repeated. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StartedEvent } from '../../train/events.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { VERSION } from '../../util/version.ts';
import { RUN_FILE_KIND } from '../arguments/config-file.ts';

export interface RunStart {
  /** The texts to train on, as named. */
  readonly textFile: string | readonly string[] | undefined;
  /** Inputs that affect the result but are not training options, by their names in the library. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The names of the `inputs` that are paths. */
  readonly paths: ReadonlySet<string>;
  /** Where each given input comes from. */
  readonly origins: OptionOrigins;
}

/** The content of the file: every option of the run, defaults included. Paths are absolute. */
export function runConfig({ options, origins }: Pick<StartedEvent, 'options' | 'origins'>, start: RunStart) {
  const inputs = Object.entries(start.inputs).filter(([, value]) => value !== undefined);
  // The options already have what --fit and --preset chose.
  const { preset, time, ...all } = { ...options, fit: false };
  const { fit: _, preset: __, time: ___, ...ofOptions } = origins;
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
 * Writes the file of a new run. A resumed run keeps its file.
 *
 * @returns a message if it could not be written
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
