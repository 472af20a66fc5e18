/** What can be asked for of an engine: constants apart from the engines, so that options and help load none. */

export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
/** More than any machine that this was made for has. */
export const MOST_THREADS = 1024;
