/** Shares devices: engines of one process use one device of an adapter, and so compile each shader only once. */
import type { AdapterFacts, GpuDevice } from './device.ts';

interface OpenedDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
}

interface SharedDevice {
  readonly opened: Promise<OpenedDevice>;
  /** Engines that need it, including those that are waiting for it. */
  users: number;
}

/**
 * A function that opens the device of an adapter, or returns the one that is open. A lost device is replaced by a new one.
 *
 * @param open Opens the device of an adapter, by its number.
 */
export function sharedDevices(
  open: (number: number) => Promise<OpenedDevice>,
): (number: number) => Promise<GpuDevice> {
  const devices = new Map<number, SharedDevice>();
  const forget = (number: number, shared: SharedDevice) => {
    if (devices.get(number) === shared) devices.delete(number);
  };

  function share(number: number): SharedDevice {
    const shared: SharedDevice = { opened: open(number), users: 0 };
    devices.set(number, shared);
    shared.opened.then(
      ({ device }) => device.lost.then(() => forget(number, shared)),
      () => forget(number, shared),
    );
    return shared;
  }

  return async (number) => {
    const shared = devices.get(number) ?? share(number);
    // Counted before the device is there, so that another engine that ends meanwhile does not destroy it.
    shared.users++;
    const { device, adapter } = await shared.opened;
    let isReleased = false;
    return {
      ...{ device, adapter },
      release() {
        if (isReleased) return;
        isReleased = true;
        if (--shared.users > 0) return;
        forget(number, shared);
        device.destroy();
      },
    };
  };
}
