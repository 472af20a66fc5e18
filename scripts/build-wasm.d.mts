export interface Product {
  /** The module, from the root of the repository. */
  readonly path: string;
  readonly holds: string;
  readonly source: string;
  /** Name of a constant, its flags. */
  readonly builds: readonly (readonly [string, readonly string[]])[];
}

export const CLANG_VERSION: string;
export const PRODUCTS: readonly Product[];
export function hasToolchain(): boolean;
export function buildWasm(product: Product): string;
