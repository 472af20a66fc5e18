export const CLANG_VERSION: string;
export function hasToolchain(): boolean;
export function buildWasm(): string;
