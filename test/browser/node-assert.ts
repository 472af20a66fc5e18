/** Replaces `node:assert/strict` in a page, as far as the contract suite uses it. */

type ErrorClass = new (...words: never[]) => Error;

function fail(message: string | undefined, what: string): never {
  throw new Error(message ?? what);
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (ArrayBuffer.isView(part)) return Array.from(part as unknown as ArrayLike<number>, String);
    return typeof part === 'number' ? String(part) : part;
  });
}

function checkError(error: unknown, expected: ErrorClass | RegExp): void {
  const fits = expected instanceof RegExp ? expected.test(String(error)) : error instanceof expected;
  if (!fits) fail(undefined, `got ${error}, expected ${expected}`);
}

const assert = {
  ok(value: unknown, message?: string): void {
    if (!value) fail(message, 'not true');
  },
  equal(actual: unknown, expected: unknown, message?: string): void {
    if (!Object.is(actual, expected)) fail(message, `got ${actual}, expected ${expected}`);
  },
  deepEqual(actual: unknown, expected: unknown, message?: string): void {
    if (plain(actual) !== plain(expected)) fail(message, `got ${plain(actual)}, expected ${plain(expected)}`);
  },
  notDeepEqual(actual: unknown, expected: unknown, message?: string): void {
    if (plain(actual) === plain(expected)) fail(message, 'they are equal');
  },
  throws(body: () => unknown, expected: ErrorClass | RegExp): void {
    try {
      body();
    } catch (error) {
      checkError(error, expected);
      return;
    }
    fail(undefined, 'nothing was thrown');
  },
  async rejects(
    body: Promise<unknown> | (() => Promise<unknown>),
    expected: ErrorClass | RegExp,
  ): Promise<void> {
    try {
      await (typeof body === 'function' ? body() : body);
    } catch (error) {
      checkError(error, expected);
      return;
    }
    fail(undefined, 'nothing was rejected');
  },
};

export default assert;
