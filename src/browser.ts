/** The library's entry point for web pages. It uses no files: texts and checkpoints are strings and bytes. */

export { opfsStorage } from './checkpoint/storage/opfs-storage.ts';
export { makePortableEngine as makeEngine } from './engine/select.ts';
export { LanguageModel } from './language-model.ts';
export * from './public.ts';
export { train } from './train/train.ts';
