/** The engine contract on the WebGPU of a page, as a program for the page; and what a page says without a GPU. */
import { makePortableEngine } from '../../src/engine/select.ts';
import { openPageSoftware } from '../../src/engine/webgpu/provider-page.ts';
import { WebGpuEngine } from '../../src/engine/webgpu/webgpu-engine.ts';
import { CharRnnError } from '../../src/errors.ts';
import { runContract } from '../engine/contract-suite.ts';
import { inferenceContract } from '../engine/inference-contract.ts';
import { operationsContract } from '../engine/operations-contract.ts';
import { recurrentBackwardContract } from '../engine/recurrent-backward-contract.ts';
import { recurrentContract } from '../engine/recurrent-contract.ts';
import { loseDevices } from '../soak/lose-devices.ts';
import { runTests as runAll } from './node-test.ts';

const make = async () => new WebGpuEngine(await openPageSoftware(0));
runContract({ name: 'webgpu', make, tolerance: 1e-5 }, [
  ...[operationsContract, inferenceContract, recurrentContract, recurrentBackwardContract],
]);

/** Trains while the device is destroyed at a random call. Returns how many devices were. */
export async function loseDevice(): Promise<number> {
  const { destroyed } = await loseDevices({ openDevice: openPageSoftware, runs: 1 });
  return destroyed;
}

/** Runs the contract on one device, so that each kernel is compiled only once. */
export async function runTests() {
  const held = await openPageSoftware(0);
  try {
    return await runAll();
  } finally {
    held.release();
  }
}

export async function describeEngine(): Promise<string> {
  const engine = await make();
  const { text } = engine.description;
  await engine.close();
  return text;
}

/** What a page gets that asks for a GPU: the engine, a notice, or an error. */
export async function request(engine: 'auto' | 'webgpu', gpu?: number): Promise<string> {
  try {
    const chosen = await makePortableEngine({ engine, gpu, precision: 'float32' });
    const { name } = chosen.engine.description;
    await chosen.engine.close();
    return [name, chosen.notice].filter(Boolean).join(': ');
  } catch (error) {
    if (!(error instanceof CharRnnError)) throw error;
    return `${error.code}: ${error.problem}`;
  }
}
