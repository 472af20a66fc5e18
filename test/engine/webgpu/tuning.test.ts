/** What the tuning of recurrent layers must keep: equal bits for any batch, the limits of a device, and short dispatches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestedLimits } from '../../../src/engine/webgpu/device.ts';
import { recurrentTuning, stepsOfDispatch, type TunedDevice } from '../../../src/engine/webgpu/tuning.ts';

/** The least that WebGPU promises. */
const LEAST: RequestedLimits = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

const LARGE = { ...LEAST, maxComputeWorkgroupStorageSize: 49_152, maxComputeInvocationsPerWorkgroup: 1024 };

const DEVICES: readonly TunedDevice[] = [
  { name: 'Some GPU', isSoftware: false, limits: LEAST },
  { name: 'NVIDIA H100 PCIe', isSoftware: false, limits: LARGE },
  { name: 'SwiftShader', isSoftware: true, limits: LEAST },
];

const UNITS = [1, 31, 32, 33, 64, 128, 192, 193, 384, 512, 700, 1024];
const BATCHES = [1, 2, 7, 50, 100, 1000];

for (const device of DEVICES) {
  test(`${device.name}: slices and design are the same for any batch`, () => {
    for (const units of UNITS) {
      const fixed = BATCHES.map((rows) => {
        const { design, slices } = recurrentTuning(device, units, rows);
        return `${design} ${slices}`;
      });
      assert.equal(new Set(fixed).size, 1, `${units} units`);
    }
  });

  test(`${device.name}: workgroups keep to the limits`, () => {
    const { limits } = device;
    for (const units of UNITS) {
      for (const rows of BATCHES) {
        for (const design of ['steps', 'rows'] as const) {
          const tuning = recurrentTuning(device, units, rows, { design });
          const threads = tuning.units * tuning.slices;
          assert.ok(threads <= limits.maxComputeInvocationsPerWorkgroup, `${threads} threads`);
          assert.ok(tuning.units >= 32 && tuning.units <= limits.maxComputeWorkgroupSizeX);
          const bytes = 16 * threads * tuning.rows;
          assert.ok(bytes <= limits.maxComputeWorkgroupStorageSize, `${bytes} bytes`);
        }
      }
    }
  });
}

test('dispatches make every phase of every step of every row once, in order, and not too much at a time', () => {
  const device = DEVICES[1] as TunedDevice;
  const layer = { cell: 'lstm', hiddenSize: 64 } as const;
  const sizes = { steps: 7, rows: 10 };
  const operationsOfRow = 2 * 4 * 64 * 64;
  for (const design of ['steps', 'rows'] as const) {
    for (const mostRows of [1, 4, 10, 30, 1000]) {
      for (const phases of [1, 2]) {
        const tuning = recurrentTuning(device, 64, 10, {
          design,
          rows: 2,
          operations: mostRows * operationsOfRow,
        });
        const made = Array.from({ length: sizes.rows / tuning.rows }, (): string[] => []);
        for (const dispatch of stepsOfDispatch(tuning, layer, { ...sizes, phases })) {
          const groups = dispatch.groups[1];
          // A workgroup has two rows, so this is the least.
          assert.ok(dispatch.count * groups * tuning.rows <= Math.max(2, mostRows));
          for (let group = 0; group < groups; group++) {
            const rows = made[dispatch.firstRow / tuning.rows + group];
            for (let step = dispatch.first; step < dispatch.first + dispatch.count; step++) {
              for (let phase = 0; phase < phases; phase++)
                if (dispatch.phases & (1 << phase)) rows?.push(`${step}.${phase}`);
            }
          }
        }
        const expected = Array.from(
          { length: sizes.steps * phases },
          (_, i) => `${Math.floor(i / phases)}.${i % phases}`,
        );
        for (const rows of made) assert.deepEqual(rows, expected);
      }
    }
  }
});
