/** The names that other programs use for our flags and commands: suggestions when the spelling is not close to any of ours. */

/** By the option's name in the library: flags of nanoGPT, textgenrnn, torch-rnn, PyTorch, llama.cpp and others. */
export const OTHER_FLAG_NAMES: Readonly<Record<string, readonly string[]>> = {
  // train
  hiddenSize: ['n_embd', 'hidden_units', 'units', 'rnn_units', 'state_size', 'size', 'width', 'nhid', 'dim'],
  layers: ['n_layer', 'n_layers', 'nlayers', 'rnn_layers', 'depth'],
  cell: ['rnn_type', 'cell', 'cell_type', 'arch', 'model_type'],
  embeddingSize: ['wordvec_size', 'emsize', 'embedding_dim', 'embed', 'embed_size'],
  dropout: ['drop', 'p_drop'],
  sequenceLength: [
    'block_size',
    'bptt',
    'context',
    'ctx_size',
    'context_length',
    'max_length',
    'n_ctx',
    'seq_len',
  ],
  batchSize: ['bs', 'b', 'mini_batch', 'minibatch'],
  maxEpochs: ['num_epochs', 'n_epochs', 'e'],
  maxIterations: ['max_iters', 'iters', 'max_steps', 'num_steps', 'steps', 'n_iters'],
  learningRate: ['alpha', 'base_lr', 'step_size', 'learning'],
  learningRateDecay: ['lr_decay', 'lr_decay_factor', 'gamma', 'decay'],
  learningRateDecayAfter: ['lr_decay_every', 'lr_decay_after'],
  gradientClip: ['clip', 'clip_grad', 'gradient_clip'],
  gradientNormClip: ['max_grad_norm', 'clip_grad_norm', 'grad_norm'],
  evaluateEvery: ['eval_interval', 'evaluate_every', 'val_every', 'eval_iters'],
  checkpointEvery: ['save_every', 'save_steps', 'save_interval'],
  printEvery: ['log_interval', 'log_every', 'logging_steps'],
  checkpointDir: [
    'out_dir',
    'output_dir',
    'output',
    'out',
    'o',
    'save_dir',
    'save',
    'checkpoint_name',
    'logdir',
    'dir',
  ],
  saveName: ['name', 'run_name', 'model_name'],
  dataDir: ['dataset', 'data', 'datadir', 'input_dir'],
  initFrom: ['weights', 'pretrained', 'finetune', 'from_checkpoint', 'load', 'init', 'load_from'],
  resume: ['continue', 'continue_from', 'resume_from', 'resume_from_checkpoint', 'restore'],
  validation: ['val', 'val_file', 'valid_file', 'validation', 'validation_file', 'validation_text', 'dev'],
  earlyStop: ['patience', 'early_stopping'],
  optimizer: ['optim', 'opt'],
  tokens: ['word_level', 'token', 'level', 'input_type', 'tokenizer'],
  minCount: ['min_freq', 'min_frequency'],
  tensorboardDir: ['tb', 'tensorboard_dir', 'log_dir', 'tensorboard_log_dir'],
  validationFraction: ['val_split', 'validation_split', 'valid_frac'],
  trainFraction: ['train_size', 'train_split'],
  threads: ['num_threads', 'n_threads', 't', 'num_workers', 'workers', 'cpus', 'cores', 'j'],
  engine: ['device', 'backend', 'compile'],
  gpu: ['cuda', 'gpu', 'gpus', 'gpu_id', 'device_id', 'use_gpu'],
  precision: ['dtype', 'fp16', 'half', 'amp'],
  // sample
  prompt: [
    'start',
    'start_text',
    'start_with',
    'prefix',
    'p',
    'text',
    'seed_text',
    'input',
    'context',
    'prime_text',
  ],
  primeFile: ['file', 'f', 'prompt_file'],
  length: [
    'n_predict',
    'predict',
    'n',
    'num_chars',
    'max_tokens',
    'max_new_tokens',
    'max_length',
    'max_gen_length',
    'num_tokens',
    'chars',
  ],
  count: ['num_samples', 'n_samples', 'samples', 'number', 'num_return_sequences', 'batch_count'],
  temperature: ['t', 'creativity', 'diversity'],
  repetitionPenalty: ['repeat_penalty'],
  penaltyWindow: ['repeat_last_n'],
  ban: ['suppress', 'bad_words', 'exclude', 'forbid'],
  bias: ['logit_bias', 'l'],
  match: ['regex', 'grammar', 'pattern'],
  stop: ['reverse_prompt', 'stop_sequence', 'stop_string', 'end', 'until', 'eos'],
  interactive: ['chat', 'conversation', 'cnv', 'interactive_first', 'repl'],
  verbose: ['quiet', 'q', 'silent'],
  format: ['json', 'output_format'],
  lines: ['num_lines', 'n_lines'],
  // several commands
  rows: ['batch', 'batch_size', 'streams'],
  part: ['split', 'set'],
  port: ['p', 'listen'],
  host: ['bind', 'address', 'ip', 'hostname'],
  apiKey: ['key', 'token', 'password'],
  configFile: ['conf', 'configuration', 'settings', 'options', 'c'],
};

/** By command: its names in other programs. */
const OTHER_COMMAND_NAMES: Readonly<Record<string, readonly string[]>> = {
  train: ['fit', 'learn', 'finetune', 'resume', 'new', 'run', 'start', 'continue', 'preprocess'],
  sample: ['generate', 'gen', 'write', 'predict', 'chat', 'infer', 'inference', 'create', 'generator'],
  eval: ['test', 'evaluate', 'score', 'perplexity', 'ppl', 'validate', 'measure', 'loss'],
  ls: ['list', 'dir', 'checkpoints', 'runs', 'models'],
  inspect: ['info', 'show', 'inspect_checkpoint', 'describe', 'cat', 'summary', 'print', 'stat'],
  convert: ['export', 'import', 'quantize', 'convert_gpu_cpu_checkpoint', 'save'],
  compare: ['diff', 'vs', 'versus', 'rank'],
  complete: ['autocomplete', 'suggest', 'next', 'words'],
  serve: ['server', 'api', 'http', 'web', 'host', 'listen'],
  doctor: ['check', 'bench', 'benchmark', 'diagnose', 'devices'],
  completions: ['completion', 'autocompletion', 'bash', 'zsh', 'fish'],
  'build-native': ['build', 'compile', 'make', 'native', 'install'],
};

/** The options that have this name in another program, by their names in the library. The caller picks the one that its command has. */
export function optionsWithOtherName(name: string): string[] {
  return keysWith(OTHER_FLAG_NAMES, name);
}

/** The commands that have this name in another program. */
export function commandsWithOtherName(word: string): string[] {
  return keysWith(OTHER_COMMAND_NAMES, word.toLowerCase().replaceAll('-', '_'));
}

function keysWith(table: Readonly<Record<string, readonly string[]>>, word: string): string[] {
  return Object.keys(table).filter((key) => table[key]?.includes(word));
}
