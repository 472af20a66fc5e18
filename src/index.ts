/** The library's entry point for Node: `import { train, LanguageModel } from 'char-rnn-ts'`. */

export { type FolderStorage, folderStorage } from './checkpoint/storage/folder-storage.node.ts';
export { makeEngine } from './engine/select.node.ts';
export { LanguageModel } from './language-model.node.ts';
export * from './public.ts';
export { type Listening, listen } from './server/http/listen.node.ts';
export { type NodeListener, nodeListener, type RequestHandler } from './server/http/node-listener.node.ts';
export type { ListenInput } from './server/options.ts';
export type { SweepEvent } from './sweep/events.ts';
export { type JoinSweepInput, joinSweep } from './sweep/join-sweep.node.ts';
export { type SweepInput, sweep } from './sweep/sweep.node.ts';
export { eventLog } from './train/log/event-log.node.ts';
export { type ReadEventLogInput, readEventLog } from './train/log/read-event-log.node.ts';
export { tensorBoard } from './train/observers/tensorboard.node.ts';
export { train } from './train/train.node.ts';
