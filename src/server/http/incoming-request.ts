/**
 * What the server reads of a request: a part of fetch's `Request`, so that every one of them fits.
 *
 * To make a whole `Request` costs Node as much as all that the server does with it, so its listener makes only this.
 */
export interface IncomingRequest {
  readonly method: string;
  /** Absolute; only its path counts. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
  /** Aborted when nobody waits for the response any more. */
  readonly signal: AbortSignal;
}

export interface BodyReader {
  /** @throws when the body ends too early */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Called when nothing more is read, be there more or not. */
  releaseLock(): void;
}
