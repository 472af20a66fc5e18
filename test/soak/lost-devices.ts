/**
 * Destroys the GPU device of a run at a random call, or reports that it has too little memory, and compares the run with one that nothing
 * happens to: it must write the same files.
 *
 *     node --import tsx test/soak/lost-devices.ts [runs] [seed]
 *
 * It computes on the software adapter, or, with `CHAR_RNN_GPU=hardware`, on the first GPU.
 */
import { openNodeDevice } from '../../src/engine/webgpu/provider.node.ts';
import { loseDevices } from './lose-devices.ts';

process.env.CHAR_RNN_GPU ??= 'software';
const [runs = 50, seed = 1] = process.argv.slice(2).map(Number);
const began = performance.now();
const onProgress = (figures: unknown) => console.log(JSON.stringify(figures));
const figures = await loseDevices({ openDevice: openNodeDevice, runs, seed, onProgress });
console.log(JSON.stringify({ ...figures, seconds: Math.round((performance.now() - began) / 1000) }));
