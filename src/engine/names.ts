/** What can be asked for of an engine: constants apart from the engines, so that options and help load none. */

/** The engines, from the fastest on. `select.ts` and `select.node.ts` open them. */
export const ENGINE_KINDS = ['native', 'wasm', 'reference'] as const;
export type EngineKindName = (typeof ENGINE_KINDS)[number];
export const ENGINE_NAMES = ['auto', ...ENGINE_KINDS] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
/** More than any machine that this was made for has. */
export const MOST_THREADS = 1024;
