/** The engine contract as a program for a page, with the engine that the page would choose. */
import { makePortableEngine } from '../../src/engine/select.ts';
import { runContract } from '../engine/contract-suite.ts';
import { inferenceContract } from '../engine/inference-contract.ts';
import { operationsContract } from '../engine/operations-contract.ts';
import { recurrentContract } from '../engine/recurrent-contract.ts';

export { runTests } from './node-test.ts';

const subject = {
  name: 'page',
  make: async () => (await makePortableEngine({ engine: 'auto', threads: 2, precision: 'float32' })).engine,
  tolerance: 2e-6,
};
runContract(subject, [recurrentContract, operationsContract, inferenceContract]);

export async function describeEngine(): Promise<string> {
  const engine = await subject.make();
  const { text } = engine.description;
  await engine.close();
  return text;
}
