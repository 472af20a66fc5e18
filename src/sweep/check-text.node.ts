/** Whether a text is the one with which a sweep was created. */
import { SweepError, TextError } from '../errors.ts';
import type { SweepDefinition } from './definition.ts';
import { planSweep } from './plan.node.ts';
import type { SweepText } from './store.ts';

/**
 * Reads the texts of a sweep, and compares their hashes.
 *
 * @param text The texts with which the sweep was created, with their paths on this machine.
 * @throws {SweepError} `sweep-other-text` if a text differs
 * @throws {TextError} for a text that can't be read
 */
export async function checkSameText(definition: SweepDefinition, text: SweepText): Promise<void> {
  checkHashes((await planSweep(definition, text, 1)).text, text);
}

/** @throws {SweepError} `sweep-other-text` */
export function checkHashes(found: SweepText, wanted: SweepText): void {
  const differing = [
    ...(found.sha256 === wanted.sha256 ? [] : [wanted.name]),
    ...(found.validationSha256 === wanted.validationSha256
      ? []
      : [wanted.validation ?? 'the validation text']),
    ...(found.testSha256 === wanted.testSha256 ? [] : [wanted.test ?? 'the test text']),
  ];
  if (differing[0] === undefined) return;
  throw new SweepError(
    'sweep-other-text',
    `${differing[0]} has changed since the sweep was created. The losses of its trials could not be compared.`,
    { remedies: [{ text: 'Restore the text, or start a new sweep with another name' }] },
  );
}

/**
 * Like `checkSameText`, on a machine that may never have had the text.
 *
 * @throws {SweepError} `sweep-other-text` if a text is missing or differs
 */
export async function checkTextHere(definition: SweepDefinition, text: SweepText): Promise<void> {
  try {
    checkHashes((await planSweep(definition, text, 1)).text, text);
  } catch (cause) {
    if (!(cause instanceof TextError || (cause instanceof SweepError && cause.code === 'sweep-other-text')))
      throw cause;
    const reason =
      cause instanceof TextError
        ? `this machine does not have ${text.name}, the text of the sweep: ${cause.problem}`
        : `${text.textFile.join(', ')} is not the text of the sweep: its content differs (SHA-256), or that of a held-out text.`;
    throw new SweepError('sweep-other-text', reason, {
      cause,
      remedies: [
        {
          text: 'Copy the text from the machine that started the sweep. If it is elsewhere on this machine, name its path',
        },
      ],
    });
  }
}
