/**
 * The uniform blocks of dispatches, in one buffer. A block is written when its numbers are first seen, and found again by its content.
 *
 * It is found by a hash table in typed arrays, which allocates nothing. Recording a dispatch takes a few microseconds, so a string as the
 * key would take a noticeable part of that time.
 */
import { BUFFER_USAGE } from './constants.ts';
import { MAX_NUMBERS } from './kernel.ts';

/** Maximum number of blocks. When all are used, they are submitted and used again. */
const BLOCKS = 4096;
/** Slots of the hash table: a power of two, of which at most half are used. */
const PLACES = 2 * BLOCKS;

export class NumberBlocks {
  readonly buffer: GPUBuffer;
  readonly #device: GPUDevice;
  readonly #submit: () => void;
  /** Bytes from a block to the next. */
  readonly #stride: number;
  /** The numbers of each block. */
  readonly #numbers = new Uint32Array(BLOCKS * MAX_NUMBERS);
  readonly #lengths = new Uint8Array(BLOCKS);
  /** One more than the block at each place; 0 for none. */
  readonly #places = new Uint16Array(PLACES);
  #count = 0;

  /** @param submit Submits what is recorded. */
  constructor(device: GPUDevice, submit: () => void) {
    this.#device = device;
    this.#submit = submit;
    this.#stride = Math.max(MAX_NUMBERS * 4, device.limits.minUniformBufferOffsetAlignment);
    this.buffer = device.createBuffer({
      size: BLOCKS * this.#stride,
      usage: BUFFER_USAGE.uniform | BUFFER_USAGE.copyTarget,
    });
  }

  /** The offset in the buffer of the block with these numbers, in bytes. */
  offsetOf(numbers: readonly number[]): number {
    const first = hashOf(numbers) & (PLACES - 1);
    let place = first;
    for (let known = this.#places[place] as number; known > 0; known = this.#places[place] as number) {
      if (this.#holds(known - 1, numbers)) return (known - 1) * this.#stride;
      place = (place + 1) & (PLACES - 1);
    }
    if (this.#count === BLOCKS) {
      this.#submit();
      this.#places.fill(0);
      this.#count = 0;
      place = first;
    }
    const block = this.#count++;
    this.#places[place] = block + 1;
    this.#write(block, numbers);
    return block * this.#stride;
  }

  #holds(block: number, numbers: readonly number[]): boolean {
    if (this.#lengths[block] !== numbers.length) return false;
    const first = block * MAX_NUMBERS;
    for (let i = 0; i < numbers.length; i++)
      if (this.#numbers[first + i] !== (numbers[i] as number) >>> 0) return false;
    return true;
  }

  /** No work since the last submit uses this block, so it does not matter that a write comes before the next submit. */
  #write(block: number, numbers: readonly number[]): void {
    const first = block * MAX_NUMBERS;
    numbers.forEach((value, i) => {
      this.#numbers[first + i] = value;
    });
    this.#lengths[block] = numbers.length;
    const written = this.#numbers.slice(first, first + numbers.length);
    this.#device.queue.writeBuffer(this.buffer, block * this.#stride, written);
  }
}

/** FNV-1a, one number at a time, with its high bits mixed into the low ones. */
function hashOf(numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < numbers.length; i++) hash = Math.imul(hash ^ (numbers[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
