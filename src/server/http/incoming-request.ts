/**
 * The part of fetch's `Request` that the server uses. Every `Request` has this type.
 *
 * For Node, making a whole `Request` would cost as much as all the work of the server on it, so the listener makes only this part.
 */
export interface IncomingRequest {
  readonly method: string;
  /** An absolute URL, of which only the path is used. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
  /** Aborted when the client does not wait for the response any more. */
  readonly signal: AbortSignal;
}

export interface BodyReader {
  /** @throws if the connection ends before the body */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Called when the server has stopped reading, whether or not the body has ended. */
  releaseLock(): void;
}
