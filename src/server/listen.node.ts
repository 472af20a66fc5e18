/** A server's place in the network: Node's `http`, made safe against those who send badly. */
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { UsageError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import { ApiError } from './api-error.ts';
import { nodeListener } from './node-listener.node.ts';
import type { Server } from './server.ts';

export interface ListenSettings {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** 0 takes a free one. Default 8080. */
  readonly port?: number | undefined;
  /** The server's own, in seconds, which has to come first since it answers better. Default 10. */
  readonly bodyTimeout?: number | undefined;
}

export interface Listening {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Takes no more connections; see `Server.close`. */
  close(seconds: number): Promise<number>;
}

/** Milliseconds in which the head of a request has to arrive. */
const HEAD_TIMEOUT = 10_000;
/** Milliseconds that what is left of a request may take to arrive, once it was refused. */
const GRACE = 5_000;
const MOST_HEAD_BYTES = 16_384;

/**
 * Answers requests on a port.
 *
 * @throws {UsageError} where the host and port can't be had
 */
export async function listen(server: Server, settings: ListenSettings = {}): Promise<Listening> {
  const { host = '127.0.0.1', port = 8080, bodyTimeout = 10 } = settings;
  const answering = new WeakMap<Socket, ServerResponse>();
  const listener = nodeListener(server);
  let isClosing = false;
  const http = createHttpServer(
    {
      headersTimeout: HEAD_TIMEOUT,
      // Node takes whole milliseconds.
      requestTimeout: HEAD_TIMEOUT + Math.ceil(bodyTimeout * 1000) + GRACE,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MOST_HEAD_BYTES,
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
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    async close(seconds) {
      isClosing = true;
      const closed = new Promise((resolve) => http.close(resolve));
      const ended = await server.close(seconds);
      http.closeIdleConnections();
      // What was ended still has to tell so.
      const cut = setTimeout(() => http.closeAllConnections(), 500);
      await closed;
      clearTimeout(cut);
      return ended;
    },
  };
}

function bind(http: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error) => {
      reject(
        new UsageError(`can't listen on ${host}, port ${port}: ${describeSystemError(error)}.`, {
          cause: error,
        }),
      );
    });
    http.listen(port, host, resolve);
  });
}

/** Answers what is no HTTP, or comes too slowly. */
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
    return new ApiError(431, `the headers are longer than ${MOST_HEAD_BYTES} bytes.`, {
      code: 'headers_too_large',
    });
  }
  return new ApiError(400, `this is not HTTP: ${message}.`, { code: 'malformed_request' });
}
