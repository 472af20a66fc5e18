/** A GPU on which an engine computes, and what Node and pages have in common: limits, software adapters and errors. */
import { EngineLostError, type Remedy, UnsupportedError } from '../../errors.ts';

/** Limits of an adapter that the engine asks for in full. A device has only small default values unless larger ones are requested. */
export const REQUESTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

export type RequestedLimits = Readonly<Record<(typeof REQUESTED_LIMITS)[number], number>>;

/** Facts about an adapter, for messages and for the choice of kernels. */
export interface AdapterFacts {
  /** Its number among the hardware adapters, from 0; undefined for a software adapter and in a page. */
  readonly number: number | undefined;
  /** The number of an earlier adapter with the same name: WebGPU in Node chooses by name, and can't tell them apart. */
  readonly twin?: number | undefined;
  /** The name of the hardware, such as `NVIDIA H100 PCIe`. A page knows only the maker and the architecture. */
  readonly name: string;
  /** `vulkan`, `metal`, `d3d12`, … or `browser`. */
  readonly backend: string;
  /** Whether the adapter is a program that computes on the CPU. */
  readonly isSoftware: boolean;
  /** Bytes and counts, as WebGPU defines them. */
  readonly limits: RequestedLimits;
}

/** A device that one or several engines use. */
export interface GpuDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  /** Call this when an engine no longer needs the device. It is destroyed when no engine needs it. */
  release(): void;
}

/** Facts about an adapter that WebGPU itself provides. */
export function factsOf(
  adapter: GPUAdapter,
  { number, twin, name, backend }: Pick<AdapterFacts, 'number' | 'twin' | 'name' | 'backend'>,
): AdapterFacts {
  const limits = Object.fromEntries(REQUESTED_LIMITS.map((limit) => [limit, adapter.limits[limit]]));
  return {
    ...{ number, twin, name, backend },
    isSoftware: adapter.info.isFallbackAdapter,
    limits: limits as RequestedLimits,
  };
}

/**
 * A device with all of the adapter's limits. An adapter gives only one device.
 *
 * @throws {UnsupportedError} if the driver refuses
 */
export async function requestDevice(adapter: GPUAdapter, facts: AdapterFacts): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice({
      label: 'char-rnn',
      requiredLimits: { ...facts.limits },
    });
  } catch (error) {
    throw new UnsupportedError(
      `the driver of the GPU ${facts.name} provided no device: ${reasonOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

/** What to do if there is no GPU to use. */
export const WITHOUT_GPU: readonly Remedy[] = [
  { text: 'To compute on the CPU', set: { engine: 'auto', gpu: undefined } },
];

/** Refuses an adapter that computes on the CPU: it is many times slower than the native engine. */
export function softwareError(name: string): UnsupportedError {
  return new UnsupportedError(
    `the only adapter here, ${name}, is not a GPU but a program that computes on the CPU, slower than the other engines. Install the driver of your GPU.`,
    { remedies: WITHOUT_GPU },
  );
}

/** The error of an engine whose device is lost: after a crash of the driver, a reset of the GPU, or a computation that took too long. */
export function deviceLostError(
  { name }: Pick<AdapterFacts, 'name'>,
  { reason, message }: Pick<GPUDeviceLostInfo, 'reason' | 'message'>,
): EngineLostError {
  const why = message.trim().replace(/\.$/, '') || reason;
  return new EngineLostError(`the GPU ${name} was lost: ${why}.`, { remedies: WITHOUT_GPU });
}

/** The first line of an error's message, without the full stop at its end. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').trim().replace(/\.$/, '') || 'no reason was given';
}
