/** The help of the whole program, a constant, so that it shows immediately. */
const TEXT = `Usage: char-rnn COMMAND [flags]

Character-level language models: trained from one text file, sampled from the shell.

Train and write:
  train [TEXT]         train a model on a text file, a folder with input.txt, or - for standard input
  sample CHECKPOINT    write text with a trained model
  complete CHECKPOINT  show the most likely next words

Measure and look inside:
  ls [FOLDER …]        list runs and checkpoints with their losses
  eval CHECKPOINT      measure how well a model predicts a text
  compare A B … TEXT   show which model predicts a text best
  inspect CHECKPOINT   show the contents of a checkpoint

Take it elsewhere:
  convert IN OUT       write a model in another format: safetensors, ONNX, npz, Torch7
  serve CHECKPOINT …   serve completions over HTTP

This machine:
  doctor               show what this machine can do, and how fast
  build-native         compile the fast engine (needs a C++ compiler)
  completions SHELL    print a script that completes commands and flags in bash, zsh or fish

A CHECKPOINT may be a folder, such as cv: then its best checkpoint is used.

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
