/** Dawn's null backend: it takes all calls, checks them and computes nothing. So it shows what an engine records, and how long that takes. */
import { factsOf, type GpuDevice, requestDevice } from '../src/engine/webgpu/device.ts';

export async function nullDevice(): Promise<GpuDevice> {
  const name: string = 'webgpu';
  const { create } = (await import(name)) as { create(options: readonly string[]): GPU };
  const instance = create(['backend=null']);
  const adapter = await instance.requestAdapter();
  if (!adapter) throw new Error("Dawn's null backend gave no adapter");
  const facts = {
    ...factsOf(adapter, { number: 0, twin: undefined, name: 'no GPU', backend: 'null' }),
    isSoftware: false,
  };
  // The instance must live as long as its device.
  return { device: await requestDevice(adapter, facts), adapter: facts, release: () => void instance };
}
