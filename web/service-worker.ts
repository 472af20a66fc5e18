/**
 * Makes the static site work offline after the first load, and isolates it, which its threads need: it answers with the files of its
 * version and adds the headers that a static host does not send (https://web.dev/articles/cross-origin-isolation-guide).
 *
 * `char-rnn ui` sends the headers itself, and its pages do not use this.
 */

import { usableBuilds } from '../src/engine/cpu/wasm.ts';

/** Set by scripts/build-pages.mjs: a hash of all files, their names, and the hash in the names of the kernels. */
declare const VERSION: string;
declare const FILES: readonly string[];
declare const KERNELS_HASH: string;

/** The part of the service worker's global object that is used: the library of types for workers clashes with that for pages. */
interface ServiceWorkerScope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly registration: { readonly scope: string };
  addEventListener(type: string, listener: (event: ServiceWorkerEvent) => void): void;
}

interface ServiceWorkerEvent {
  readonly request: Request;
  /** Of a message. */
  readonly data: unknown;
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const scope = self as unknown as ServiceWorkerScope;
const CACHE = `char-rnn ${VERSION}`;

scope.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // A copy in the browser's HTTP cache may be older than this version.
      await cache.addAll(['./', ...FILES].map((file) => new Request(file, { cache: 'reload' })));
      await scope.skipWaiting();
    })(),
  );
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // Pages of the version before this one may be open. They still load files of theirs.
      const others = (await caches.keys()).filter((name) => name.startsWith('char-rnn ') && name !== CACHE);
      for (const name of others.slice(0, -1)) await caches.delete(name);
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const isOwn = request.method === 'GET' && request.url.startsWith(scope.registration.scope);
  if (isOwn) event.respondWith(answer(request));
});

// A page that has been loaded asks for what its worker would need without a connection.
scope.addEventListener('message', (event) => {
  if (event.data === 'kernels') event.waitUntil(keepKernels());
});

/** The two kernels that this browser can use: with threads, and without if none start (src/engine/cpu/wasm.ts). */
async function keepKernels(): Promise<void> {
  // Without a connection, the next page asks again.
  for (const build of Object.values(usableBuilds()))
    await answer(new Request(`kernels/${build}-${KERNELS_HASH}.wasm`)).catch(() => {});
}

/** Answers from the cache, or else from the host. The example model and the kernels are cached when they are first requested. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const { pathname } = new URL(request.url);
  // The name of such a file has a hash of its content, so it is right in any version's cache.
  const isHashed = /-[A-Z0-9]{8}\.(js|css|wasm)$/.test(pathname);
  const known = await (isHashed ? caches : cache).match(request, { ignoreSearch: true });
  if (known) return isolated(known);
  const isKept = /\/(kernels|models)\/[^/]+$/.test(pathname);
  return isolated(await (isKept ? fetchOnce(request, cache) : fetch(request)));
}

/** Requests under way for files that are kept: a page may need a kernel while it is fetched for later. */
const underWay = new Map<string, Promise<Response>>();

async function fetchOnce(request: Request, cache: Cache): Promise<Response> {
  const { url } = request;
  const fetched = underWay.get(url) ?? fetchToKeep(request, cache).finally(() => underWay.delete(url));
  underWay.set(url, fetched);
  return (await fetched).clone();
}

async function fetchToKeep(request: Request, cache: Cache): Promise<Response> {
  // A copy in the browser's HTTP cache may be that of an older version, and would stay with this one.
  const response = await fetch(request, { cache: 'no-cache' });
  // Without space in the browser, it is loaded again the next time.
  if (response.ok) await cache.put(request, response.clone()).catch(() => {});
  return response;
}

function isolated(response: Response): Response {
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
