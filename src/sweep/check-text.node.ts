/** Whether a text is the one with which a sweep was created. */
import { SweepError, TextError, type TextErrorCode } from '../errors.ts';
import type { SweepDefinition } from './definition.ts';
import { identifyTexts } from './plan.node.ts';
import type { SweepText } from './store.ts';

/**
 * Reads the texts of a sweep, and compares their hashes.
 *
 * @param text The texts with which the sweep was created, with their paths on this machine.
 * @throws {SweepError} `sweep-other-text` if a text differs
 * @throws {TextError} for a text that can't be read
 */
export async function checkSameText(definition: SweepDefinition, text: SweepText): Promise<void> {
  checkHashes(await identifyTexts(definition, text), text);
}

/** @throws {SweepError} `sweep-other-text` */
export function checkHashes(found: SweepText, wanted: SweepText): void {
  const [first] = differing(found, wanted);
  if (first === undefined) return;
  const name = { text: wanted.name, validation: wanted.validation, test: wanted.test }[first];
  throw new SweepError(
    'sweep-other-text',
    `${name ?? `the ${first} text`} has changed since the sweep was created. The losses of its trials could not be compared.`,
    { remedies: [{ text: 'Restore the text, or start a new sweep with another name' }] },
  );
}

function differing(found: SweepText, wanted: SweepText): ('text' | 'validation' | 'test')[] {
  return [
    ...(found.sha256 === wanted.sha256 ? [] : (['text'] as const)),
    ...(found.validationSha256 === wanted.validationSha256 ? [] : (['validation'] as const)),
    ...(found.testSha256 === wanted.testSha256 ? [] : (['test'] as const)),
  ];
}

/** The codes of errors for a text that is not there. Other errors are about its content, which then differs. */
const UNREADABLE: ReadonlySet<TextErrorCode> = new Set(['text-missing', 'text-unreadable']);

/**
 * Like `checkSameText`, on a machine that may never have had the text.
 *
 * @param text The texts with which the sweep was created, with their paths on this machine.
 * @throws {SweepError} `sweep-other-text` if a text is missing or differs
 */
export async function checkTextHere(definition: SweepDefinition, text: SweepText): Promise<void> {
  let found: SweepText;
  try {
    found = await identifyTexts(definition, text);
  } catch (cause) {
    if (!(cause instanceof TextError)) throw cause;
    const isMissing = UNREADABLE.has(cause.code);
    const what = isMissing
      ? `does not have ${text.name}, the text of the sweep`
      : 'has other texts than the sweep';
    throw notHere(`this machine ${what}: ${cause.problem}`, cause);
  }
  const [first] = differing(found, text);
  if (first === undefined) return;
  const path = first === 'text' ? text.textFile.join(', ') : text[first];
  throw notHere(`${path} is not the text of the sweep: its content differs (SHA-256).`);
}

function notHere(problem: string, cause?: unknown): SweepError {
  const elsewhere = 'If it is elsewhere on this machine, give its path with `textFile` or `validation`';
  const remedies = [{ text: `Copy the text from the machine that started the sweep. ${elsewhere}` }];
  return new SweepError('sweep-other-text', problem, { cause, remedies });
}
