/** The library's face in Node: `import { train, LanguageModel } from 'char-rnn-ts'`. */

export { makeEngine } from './engine/select.node.ts';
export { type FolderStorage, folderStorage } from './formats/storage.node.ts';
export { LanguageModel } from './language-model.node.ts';
export * from './public.ts';
export { type Listening, listen } from './server/listen.node.ts';
export { type NodeListener, nodeListener, type RequestHandler } from './server/node-listener.node.ts';
export type { ListenInput } from './server/options.ts';
export { eventLog } from './train/event-log.node.ts';
export { type ReadEventLogInput, readEventLog } from './train/read-event-log.node.ts';
export { tensorBoard } from './train/tensorboard.node.ts';
export { train } from './train/train.node.ts';
