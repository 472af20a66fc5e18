/** The help of the whole program, a constant, so that it shows immediately. */
const TEXT = `Usage: char-rnn COMMAND [flags]

Trains character-level language models on texts, and writes new text with them.

Train and write:
  train [TEXT …]       train a model on files, folders or - (standard input)
  sweep run TEXT …     train many models, and find the best settings
  sample [CHECKPOINT]  write text with a trained model
  complete CHECKPOINT  show the most likely next words

Measure and look inside:
  ls [FOLDER …]        list runs and checkpoints with their losses
  eval CHECKPOINT      measure how well a model predicts a text
  compare A B … TEXT   show which model predicts a text best
  inspect CHECKPOINT   show the contents of a checkpoint
  ui [FOLDER …]        show runs and models in a web page

Use a model elsewhere:
  convert IN OUT       convert a model: safetensors, ONNX, npz, Torch7
  average A … -o OUT   make one model of several checkpoints
  serve CHECKPOINT …   serve completions over HTTP, with a page to try them

This machine:
  doctor               show what this machine can do, and how fast
  build-native         compile the fastest engine (needs a C++ compiler)
  completions SHELL    print a script for completion in bash, zsh or fish

A CHECKPOINT may be a folder, such as cv: then its best checkpoint is used.
Without one, sample and serve use an example model if this folder has none.

  help COMMAND         show all flags of a command
  --version, -v        show the version

To start:
  char-rnn train book.txt
  char-rnn sample cv/best.safetensors --prompt "Once " --temp 0.7
`;

/** @param program How the program was started. */
export function overview(program: string): string {
  return TEXT.replaceAll(/char-rnn(?= )/g, program);
}
