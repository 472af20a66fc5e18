/** Files that are dropped on the pages: a model is opened, a text goes to the page that uses texts. */
import { openFile, openProblem } from './session.ts';
import { takeTrainingText } from './training-state.ts';

const TEXT_NAME = /\.(txt|text|md|tex|csv|tsv|xml|json|jsonl|html?|[chjt]s|c|cpp|h|py|rs|go|java)(\.gz)?$/i;

/** @param page The name of the page that is shown. */
export function acceptDrops(page: () => string): void {
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    // A selection that is dragged into a field is left to the browser.
    if (!hasFiles(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) takeFile(file, page()).catch((error: Error) => show(`${file.name}: ${error.message}`));
  });
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}

async function takeFile(file: File, page: string): Promise<void> {
  const isText = file.type.startsWith('text/') || TEXT_NAME.test(file.name);
  if (!isText) await openFile(file);
  else if (page === 'train') await takeTrainingText(file);
  else if (page === 'neurons') await (await import('./neurons-state.ts')).takeText(file);
  else
    show(
      `${file.name} is a text, not a model: drop it on the Train page to train on it, or on Neurons to read it.`,
    );
}

function show(message: string): void {
  openProblem.value = message;
}
