/** The software adapter that tests compute on: SwiftShader, which Debian's Chromium includes. */
import { existsSync } from 'node:fs';
import { webgpuInstallation } from '../../../src/engine/webgpu/installation.node.ts';

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'SwiftShader is looked for only on Linux';
  const { version, command } = webgpuInstallation();
  if (version === undefined) return `the package webgpu is not installed here: ${command}`;
  if (existsSync('/usr/lib/chromium/vk_swiftshader_icd.json')) return false;
  return "Debian's Chromium, which includes SwiftShader, is not installed here";
}

/** The reason for skipping tests that compute with WebGPU in Node; false if there is a software adapter. */
export const skipWithoutSoftwareGpu = reasonToSkip();
