/**
 * A reporter of Node's test runner that lists only what failed: the names, where each test is, and the error.
 *
 * The log of a run has thousands of lines, and some services keep only the last ones: scripts/test.mjs prints this list at the end.
 *
 * @param {AsyncIterable<{ type: string, data: any }>} events Of the runner.
 */
export default async function* failedTests(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo !== undefined) continue;
    const { error } = data.details;
    // A suite whose tests failed: they are in the list.
    if (error.failureType === 'subtestsFailed') continue;
    const place = data.file === undefined ? '' : ` (${data.file}:${data.line})`;
    const cause = error.cause ?? error;
    yield `\n${data.name}${place}\n${indent(String(cause.stack ?? cause.message ?? cause))}\n`;
  }
}

/** @param {string} text */
function indent(text) {
  return text.replaceAll(/^/gm, '  ');
}
