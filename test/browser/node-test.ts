/** Replaces `node:test` in a page, as far as the contract suite uses it. */

type Body = () => void | Promise<void>;
const tests: { readonly name: string; readonly body: Body }[] = [];

export function test(name: string, { skip }: { readonly skip?: string }, body: Body): void {
  if (skip === undefined) tests.push({ name, body });
}

/** Runs all tests. A failure is the name of the test and its error. */
export async function runTests(): Promise<{ passed: number; failures: string[] }> {
  const failures: string[] = [];
  for (const { name, body } of tests) {
    try {
      await body();
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { passed: tests.length - failures.length, failures };
}
