/**
 * Measures the time to read a Torch7 checkpoint of 100 MB, which this program wrote, into a model.
 *
 *     node --import tsx bench/torch7-read.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpointFile } from '../src/formats/read.node.ts';
import { encodeTorch7 } from '../src/formats/torch7/index.ts';
import { joined, madeCheckpoint } from '../test/checkpoint/made-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'torch7-read-'));
const path = join(folder, 'large.t7');
const file = joined(encodeTorch7(madeCheckpoint({ layers: 2, hiddenSize: 720 })));
writeFileSync(path, file);
const times: string[] = [];
for (let run = 0; run < 5; run++) {
  const start = performance.now();
  await readCheckpointFile(path);
  times.push(`${(performance.now() - start).toFixed(0)} ms`);
}
rmSync(folder, { recursive: true });
console.log(`${(file.length / 1e6).toFixed(0)} MB read in ${times.join(', ')}`);
