/** Constants of the WebGPU specification. Node has them only after the package is loaded, so they are repeated here. */

export const BUFFER_USAGE = {
  mapRead: 0x01,
  copySource: 0x04,
  copyTarget: 0x08,
  uniform: 0x40,
  storage: 0x80,
} as const;

export const MAP_MODE_READ = 0x01;

export const SHADER_STAGE_COMPUTE = 0x04;

/** The name of the class of errors about memory. */
export const OUT_OF_MEMORY = 'GPUOutOfMemoryError';
