/** The help of the whole program. A text, so that it costs nothing to show. */
export const overview = `Usage: char-rnn COMMAND [flags]

Character-level language models: trained from one text file, sampled from the shell.

Commands:
  train [TEXT]         train a model on a text file, a folder with input.txt, or - for standard input
  sample CHECKPOINT    write text with a trained model
  inspect CHECKPOINT   show what a checkpoint holds
  convert IN OUT       write a model in another format: safetensors, ONNX, npz, Torch7
  eval CHECKPOINT      measure how well a model predicts a text
  compare A B … TEXT   say which model predicts a text best
  complete CHECKPOINT  show the most likely next words
  serve CHECKPOINT …   answer requests for completions over HTTP
  doctor               show what this machine can do, and how fast
  build-native         compile the fast engine, where there is a C++ compiler
  help COMMAND         all flags of a command

Flags:
  --help, --version

Begin with:
  char-rnn train book.txt
  char-rnn sample cv/lm_lstm_epoch10.00_1.5123.safetensors -primetext "Once " -temperature 0.7
`;
