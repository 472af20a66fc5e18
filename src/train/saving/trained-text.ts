/** What a checkpoint stores about the training text. */

import type { TrainedText } from '../../checkpoint/checkpoint.ts';
import type { Corpus } from '../../data/corpus.ts';
import { dropFilesIfMany } from '../../data/files/known-text.ts';

/** Limits on the stored paths and their characters. Longer lists would not fit the metadata: then the paths must be given again. */
const MAX_PATHS = 500;
const MAX_PATH_CHARACTERS = 200_000;

export function describeTrainedText({ text, texts }: Corpus): TrainedText {
  const { bytes, sha256, paths, include, validPath, testPath } = text;
  const isShort =
    paths !== undefined && paths.length <= MAX_PATHS && JSON.stringify(paths).length <= MAX_PATH_CHARACTERS;
  const { main, validation, test } = dropFilesIfMany(texts);
  return {
    ...{ bytes, sha256 },
    ...(isShort && { paths }),
    ...(include !== undefined && { include }),
    ...(validPath !== undefined && { validPath }),
    ...(testPath !== undefined && { testPath }),
    ...(main?.files && { files: main.files }),
    ...(validation && { validation }),
    ...(test && { test }),
  };
}
