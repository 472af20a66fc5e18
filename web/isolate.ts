/** Registers the service worker of the static site, and loads the page again when it can isolate it. */
import { signal } from '@preact/signals';

const KEY = 'char-rnn reloaded';
/** Milliseconds after which the service worker fetches what the page may need later, so that the files that it needs now come first. */
const LATER = 1000;

/** Whether the page would have more threads if the reader loaded it again. */
export const canIsolate = signal(false);

/** Whether the reader has done anything, which a reload could lose. */
let isUsed = false;
for (const type of ['pointerdown', 'keydown', 'input', 'drop'])
  addEventListener(
    type,
    () => {
      isUsed = true;
    },
    { capture: true },
  );

export async function isolate(): Promise<void> {
  const kind = document.querySelector<HTMLMetaElement>('meta[name="source"]')?.content;
  if (kind === 'server' || !isSecureContext || !('serviceWorker' in navigator)) return;
  try {
    const { serviceWorker } = navigator;
    const registration = await serviceWorker.register('service-worker.js');
    const keepKernels = () => setTimeout(() => registration.active?.postMessage('kernels'), LATER);
    // A new version of the site has other kernels.
    serviceWorker.addEventListener('controllerchange', keepKernels);
    await serviceWorker.ready;
    keepKernels();
    // Only once: if a browser does not isolate the page, it must not reload it forever.
    if (crossOriginIsolated || sessionStorage.getItem(KEY)) return;
    if (isUsed) {
      canIsolate.value = true;
      return;
    }
    sessionStorage.setItem(KEY, 'yes');
    location.reload();
  } catch {
    // A private window, for example: the page works without, with one thread.
  }
}
