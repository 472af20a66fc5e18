/** Runs the contract suite against every engine and instruction set that this machine supports. */
import { test } from 'node:test';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { type ContractSubject, runContract } from './contract-suite.ts';
import { fastEngines } from './engines.ts';
import { heldUnitsContract } from './held-units-contract.ts';
import { inferenceContract } from './inference-contract.ts';
import { int8Contract } from './int8-contract.ts';
import { operationsContract } from './operations-contract.ts';
import { recurrentBackwardContract } from './recurrent-backward-contract.ts';
import { recurrentContract, recurrentGradientContract } from './recurrent-contract.ts';

const float64: ContractSubject = {
  name: 'reference, float64',
  make: () => new ReferenceEngine('float64'),
  tolerance: 1e-13,
};
const float32: ContractSubject = {
  name: 'reference, float32',
  make: () => new ReferenceEngine('float32'),
  tolerance: 2e-6,
};

for (const subject of [float64, float32, ...fastEngines.map((kind) => ({ ...kind, tolerance: 2e-6 }))]) {
  runContract(subject, [
    ...[
      recurrentContract,
      recurrentBackwardContract,
      operationsContract,
      inferenceContract,
      heldUnitsContract,
    ],
    ...(subject === float64 ? [] : [int8Contract]),
  ]);
}
runContract(float64, [recurrentGradientContract]);

const built = nativeVariants().length > 0;
test('the native engine was built', { skip: built ? false : 'it was not built here' }, () => {});
