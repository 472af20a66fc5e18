/** The version of the package, as `package.json` has it (`test/package.test.ts` compares the two). */
export const VERSION = '0.1.0';
