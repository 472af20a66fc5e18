/** Registers the service worker of the static site, and loads the page again when it can isolate it. */

const KEY = 'char-rnn reloaded';

export async function isolate(): Promise<void> {
  const kind = document.querySelector<HTMLMetaElement>('meta[name="source"]')?.content;
  if (kind === 'server' || !isSecureContext || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('service-worker.js');
    await navigator.serviceWorker.ready;
    // Only once, and only while nothing can be lost: if a browser does not isolate the page, it must not reload it forever.
    if (crossOriginIsolated || sessionStorage.getItem(KEY)) return;
    sessionStorage.setItem(KEY, 'yes');
    location.reload();
  } catch {
    // A private window, for example: the page works without, with one thread.
  }
}
