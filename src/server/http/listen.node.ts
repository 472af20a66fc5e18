/** Puts a server on a port, with Node's `http` and limits for slow and malformed requests. */
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ListenError, type Remedy } from '../../errors.ts';
import { checkOptions } from '../../util/check-options.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { type ListenInput, listenOptionsSchema } from '../options.ts';
import { ApiError } from './api-error.ts';
import { type NodeListener, nodeListener, type RequestHandler } from './node-listener.node.ts';

/** What answers requests, such as a `Server`. */
interface Closable extends RequestHandler {
  /** Ends requests that are not finished after this many seconds, and returns how many there were. */
  close(seconds: number): Promise<number>;
}

export interface Listening {
  /** The address, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Accepts no more connections and closes the server; see `Server.close`. */
  close(seconds: number): Promise<number>;
}

/** Milliseconds within which the head of a request must arrive. */
const HEAD_TIMEOUT = 10_000;
/** Additional milliseconds within which the rest of a refused request must arrive. */
const GRACE = 5_000;
const MAX_HEAD_BYTES = 16_384;

/** A port that is open before its server exists. Until then, requests get 503. */
export interface OpenPort {
  /** The address, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Answers requests from now on. */
  serve(server: Closable): Listening;
  /** Closes the port without a server. */
  close(): Promise<void>;
}

/**
 * Answers requests on a port.
 *
 * @throws {OptionError} for an invalid option
 * @throws {ListenError} if the address or the port is not available
 */
export async function listen(server: Closable, input: ListenInput = {}): Promise<Listening> {
  return (await openPort(input)).serve(server);
}

/**
 * Opens a port. Call it before models are loaded, to find out early if the port is in use.
 *
 * @throws {OptionError} for an invalid option
 * @throws {ListenError} if the address or the port is not available
 */
export async function openPort(input: ListenInput = {}): Promise<OpenPort> {
  const { host, port, bodyTimeout } = checkOptions(listenOptionsSchema, input);
  const answering = new WeakMap<Socket, ServerResponse>();
  let listener: NodeListener = nodeListener(async () => loading().toResponse());
  let isClosing = false;
  const http = createHttpServer(
    {
      headersTimeout: HEAD_TIMEOUT,
      // Node takes whole milliseconds.
      requestTimeout: HEAD_TIMEOUT + Math.ceil(bodyTimeout * 1000) + GRACE,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    (incoming, outgoing) => {
      answering.set(incoming.socket, outgoing);
      outgoing.shouldKeepAlive &&= !isClosing;
      outgoing.on('close', () => {
        if (isClosing) http.closeIdleConnections();
      });
      listener(incoming, outgoing);
    },
  );
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    refuse(error, socket, answering.get(socket));
  });
  await bind(http, host, port);
  const { address, family, port: bound } = http.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`;
  const closeHttp = () => new Promise((resolve) => http.close(resolve));
  return {
    url,
    async close() {
      const closed = closeHttp();
      http.closeAllConnections();
      await closed;
    },
    serve(server) {
      listener = nodeListener(server);
      return {
        url,
        async close(seconds) {
          isClosing = true;
          const closed = closeHttp();
          const ended = await server.close(seconds);
          http.closeIdleConnections();
          // Requests that were ended early still need time to receive their response.
          const cut = setTimeout(() => http.closeAllConnections(), 500);
          await closed;
          clearTimeout(cut);
          return ended;
        },
      };
    },
  };
}

function loading(): ApiError {
  return new ApiError(503, 'the models are still being loaded. Try again in a moment.', {
    code: 'loading',
    headers: { 'retry-after': '1' },
  });
}

function bind(http: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      const problem = `can't listen on ${host}, port ${port}: ${describeSystemError(error)}.`;
      reject(new ListenError(problem, { cause: error, remedies: remediesOf(error) }));
    });
    http.listen(port, host, resolve);
  });
}

function remediesOf({ code }: NodeJS.ErrnoException): Remedy[] {
  if (code === 'EADDRINUSE') return [{ text: 'To take any free port', set: { port: 0 } }];
  if (code === 'EACCES') return [{ text: 'To take a port that needs no permission', set: { port: 8080 } }];
  return [{ text: 'To listen on this machine alone', set: { host: '127.0.0.1' } }];
}

/** Answers requests that are not HTTP, or that arrive too slowly. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, response: ServerResponse | undefined): void {
  if (!socket.writable || error.code === 'ECONNRESET' || response?.headersSent) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(error);
  const body = JSON.stringify(refusal);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.code}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function refusalOf({ code, message }: NodeJS.ErrnoException): ApiError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError(408, 'the request did not arrive in time.', { code: 'request_timeout' });
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError(431, `the headers are longer than ${MAX_HEAD_BYTES} bytes.`, {
      code: 'headers_too_large',
    });
  }
  return new ApiError(400, `this is not HTTP: ${message}.`, { code: 'malformed_request' });
}
