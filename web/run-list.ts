/** The runs of the source, kept up to date. */
import { computed, signal } from '@preact/signals';
import type { RunSummary } from '../src/ui/protocol.ts';
import { shortPaths } from './shown-folders.ts';
import { watchConnection } from './sources/server-source.ts';
import { source } from './sources/source.ts';

export const runs = signal<ReadonlyMap<string, RunSummary>>(new Map());
export const isSearching = signal(true);
export const runNotices = signal<readonly string[]>([]);
export const folders = signal<readonly string[]>([]);
/** Shortens the path of a run or a sweep for readers. */
export const shortPath = computed(() => shortPaths(folders.value));
export const connectionProblem = signal<string | undefined>(undefined);

watchConnection((problem) => {
  connectionProblem.value = problem;
});

/** Follows the source as long as the page is open. */
export async function followRuns(): Promise<void> {
  if (!source) return;
  try {
    for await (const change of source.runs()) {
      const next = new Map(change.isComplete ? [] : runs.value);
      for (const id of change.removed) next.delete(id);
      folders.value = change.folders;
      for (const run of change.changed) next.set(run.id, { ...run, name: shortPath.value(run.name) });
      runs.value = next;
      isSearching.value = change.isSearching;
      runNotices.value = change.notices;
    }
  } catch (error) {
    connectionProblem.value = (error as Error).message;
  } finally {
    isSearching.value = false;
  }
}
