/**
 * The part of fetch's `Request` that the server uses. Every `Request` has this type.
 *
 * Node's listener creates only this part, because creating a whole `Request` takes as long as everything else that the server does with it.
 */
export interface IncomingRequest {
  readonly method: string;
  /** An absolute URL, of which only the path is used. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
  /** Aborted when the client no longer waits for the response. */
  readonly signal: AbortSignal;
}

export interface BodyReader {
  /** @throws if the connection ends before the body */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Called when the server has stopped reading, whether or not the body has ended. */
  releaseLock(): void;
}
