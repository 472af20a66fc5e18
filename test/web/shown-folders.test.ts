/** Names of runs in folders that were given by their absolute paths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortPaths } from '../../web/shown-folders.ts';

test('a run is named by the shortest end of its folder that no other folder has', () => {
  const cases: readonly (readonly [folders: string[], path: string, name: string])[] = [
    [['cv'], 'cv/gru', 'cv/gru'],
    [['/home/ada/cv'], '/home/ada/cv/gru', 'cv/gru'],
    [['/home/ada/cv/'], '/home/ada/cv', 'cv'],
    [['/home/ada/a/cv', '/home/ada/b/cv'], '/home/ada/b/cv/gru', 'b/cv/gru'],
    [['/home/ada/cv', 'cv'], '/home/ada/cv/gru', 'ada/cv/gru'],
    [['/home/ada/cv', 'cv'], 'cv/gru', 'cv/gru'],
    [['/home/ada', '/home/ada/cv'], '/home/ada/cv/gru', 'cv/gru'],
    [['/home/ada/cv'], '/home/ada/cv-2', '/home/ada/cv-2'],
    [['C:\\runs\\cv'], 'C:\\runs\\cv\\gru', 'cv\\gru'],
    [['/'], '/cv', '/cv'],
  ];
  for (const [folders, path, name] of cases) assert.equal(shortPaths(folders)(path), name, String(folders));
});
