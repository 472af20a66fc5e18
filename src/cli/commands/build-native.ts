/** `char-rnn build-native`: its definition. */
import type { Command } from '../command.ts';

export const buildNativeCommand: Command = {
  name: 'build-native',
  usage: 'char-rnn build-native',
  summary:
    'Compiles the native engine from the sources in this package. Needs a C++ compiler; takes about ten seconds.',
  flags: [],
  examples: ['char-rnn build-native'],
  async run(input) {
    const { runBuildNative } = await import('../run/build-native.ts');
    return runBuildNative(input);
  },
};
