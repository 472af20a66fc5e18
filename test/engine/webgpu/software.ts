/** The software adapter that tests compute on: SwiftShader, which Debian's Chromium includes. */
import { existsSync } from 'node:fs';
import { webgpuInstallation } from '../../../src/engine/webgpu/installation.node.ts';

/**
 * The reason for skipping tests that compute with WebGPU: `npm test` leaves them out, because SwiftShader is slow and they take minutes of the
 * processor. False if they were asked for.
 */
export const skipUnlessAskedFor: string | false =
  process.env.CHAR_RNN_ALL_TESTS === '1'
    ? 'they run by themselves: npm test -- webgpu lost-devices gpu-flags'
    : false;

function reasonToSkip(): string | false {
  if (skipUnlessAskedFor) return skipUnlessAskedFor;
  if (process.platform !== 'linux') return 'SwiftShader is looked for only on Linux';
  const { version, command } = webgpuInstallation();
  if (version === undefined) return `the package webgpu is not installed here: ${command}`;
  if (existsSync('/usr/lib/chromium/vk_swiftshader_icd.json')) return false;
  return "Debian's Chromium, which includes SwiftShader, is not installed here";
}

/** The reason for skipping tests that compute with WebGPU in Node; false if there is a software adapter. */
export const skipWithoutSoftwareGpu = reasonToSkip();
