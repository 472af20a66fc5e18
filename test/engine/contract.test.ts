/** The engine contract, against every engine that this machine can run. */
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { operationsContract } from './operations-contract.ts';
import { type ContractSubject, recurrentContract, recurrentGradientContract } from './recurrent-contract.ts';

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

for (const subject of [float64, float32]) {
  recurrentContract(subject);
  operationsContract(subject);
}
recurrentGradientContract(float64);
