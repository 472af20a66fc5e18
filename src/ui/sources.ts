/** What the pages show. */
export interface Sources {
  /** Folders with runs and sweeps; they need not exist yet. */
  readonly folders: readonly string[];
  /** The URLs of the PostgreSQL databases that may be connected to, to read the sweeps in the folders. Default: none. */
  readonly databases?: readonly string[] | undefined;
}
