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
  const { found, problem } = await findTexts(definition, text);
  if (found) checkHashes(found, text);
  if (problem) throw problem;
}

/** What was found of the texts of a sweep, and why it is not all of them. */
interface FoundTexts {
  readonly found?: SweepText;
  readonly problem?: TextError;
}

/**
 * Reads the texts of a sweep. A held-out text can't be read if it has symbols that the main text lacks. Then the main text may be the one that
 * has changed, so it is read by itself.
 */
async function findTexts(definition: SweepDefinition, text: SweepText): Promise<FoundTexts> {
  const { validation, test, validationSha256, testSha256, ...main } = text;
  try {
    return { found: await identifyTexts(definition, text) };
  } catch (problem) {
    if (!(problem instanceof TextError)) throw problem;
    if (validation === undefined && test === undefined) return { problem };
    const { found, problem: ofMain } = await findTexts(definition, main);
    if (!found) return { problem: ofMain ?? problem };
    return { found: { ...found, validation, test, validationSha256, testSha256 }, problem };
  }
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
  const { found, problem } = await findTexts(definition, text);
  const [first] = found ? differing(found, text) : [];
  if (first !== undefined) {
    const path = first === 'text' ? text.textFile.join(', ') : text[first];
    throw notHere(`${path} is not the text of the sweep: its content differs (SHA-256).`);
  }
  if (!problem) return;
  // If the text could be read by itself, the problem is that of a held-out one.
  const what = UNREADABLE.has(problem.code)
    ? `does not have ${found ? 'a held-out text' : `${text.name}, the text`} of the sweep`
    : `has another ${found ? 'held-out text' : 'text'} than the sweep`;
  throw notHere(`this machine ${what}: ${problem.problem}`, problem);
}

function notHere(problem: string, cause?: unknown): SweepError {
  const elsewhere = 'If it is elsewhere on this machine, give its path with `textFile` or `validation`';
  const remedies = [{ text: `Copy the text from the machine that started the sweep. ${elsewhere}` }];
  return new SweepError('sweep-other-text', problem, { cause, remedies });
}
