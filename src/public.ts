/** What both faces of the library have in common. */
export type { Corpus, TextFacts, TextInput } from './data/corpus.ts';
export { Vocabulary } from './data/vocabulary.ts';
export type { FloatArray, Precision } from './engine/engine.ts';
export type { EngineName } from './engine/select.ts';
export * from './errors.ts';
export type { Checkpoint, LossRecord, TrainingState } from './formats/checkpoint.ts';
export type { ExportFormat } from './formats/export.ts';
export { memoryStorage } from './formats/memory-storage.ts';
export type { CheckpointIdentity, CheckpointStorage } from './formats/storage.ts';
export type {
  CompleteInput,
  GenerateAllInput,
  GenerateInput,
  ModelInput,
  SamplesInput,
  ScoreInput,
} from './language-model.ts';
export type { ModelConfig } from './model/config.ts';
export type { Regularization } from './model/regularization.ts';
export type { LikelyWord, LikelyWords } from './sample/likely-words.ts';
export type { Sample, SamplePiece, SampleProgress } from './sample/samples.ts';
export type { Ending } from './sample/stops.ts';
export { streamSeed } from './sample/stream-seed.ts';
export type { SymbolDetails, TextPiece } from './sample/writer.ts';
export type { TextScore } from './score/score-text.ts';
export type { Summary } from './score/summary.ts';
export type { BodyReader, IncomingRequest } from './server/incoming-request.ts';
export { createServer, type Server, type ServerInput } from './server/server.ts';
export type * from './train/events.ts';
export { EVENTS_VERSION } from './train/events.ts';
export type { TrainingObserver } from './train/observers.ts';
export type { TrainingOptions } from './train/options.ts';
