/** The engine contract, against every engine and instruction set that this machine can run. */
import { test } from 'node:test';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { wasmBackend } from '../../src/engine/cpu/wasm.ts';
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
const native: ContractSubject[] = nativeVariants().map((variant) => ({
  name: `native, ${variant}`,
  make: () => new CpuEngine(nativeBackend({ variant, threads: 2 })),
  tolerance: 2e-6,
}));

const wasm: ContractSubject[] = [
  {
    name: 'WebAssembly, threads',
    make: async () => new CpuEngine(await nodeWasmBackend(2)),
    tolerance: 2e-6,
  },
  {
    name: 'WebAssembly, one thread without shared memory',
    make: async () => new CpuEngine(await wasmBackend({ threads: 1 })),
    tolerance: 2e-6,
  },
];

for (const subject of [float64, float32, ...native, ...wasm]) {
  recurrentContract(subject);
  operationsContract(subject);
}
recurrentGradientContract(float64);

test('the native engine is there', { skip: native.length > 0 ? false : 'it was not built here' }, () => {});
