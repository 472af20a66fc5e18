/** The names of the engines, in a file of their own so that options and help do not load any engine. */

/** The engines, as help lists them: those of the CPU with the fastest first. `select.ts` and `select.node.ts` open them, and have the order of `auto`. */
export const ENGINE_KINDS = ['webgpu', 'native', 'wasm', 'reference'] as const;
export type EngineKindName = (typeof ENGINE_KINDS)[number];
export const ENGINE_NAMES = ['auto', ...ENGINE_KINDS] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
/** The maximum number of threads: more than any supported machine has. */
export const MAX_THREADS = 1024;
/** The maximum number of a GPU: more than any machine has. */
export const MAX_GPU = 1023;
