/** The exports that both entry points of the library share. */

export { averageCheckpoints } from './checkpoint/average.ts';
export type { Checkpoint, LossRecord, TrainingState } from './checkpoint/checkpoint.ts';
export { type MemoryStorage, memoryStorage } from './checkpoint/storage/memory-storage.ts';
export type {
  CheckpointIdentity,
  CheckpointStorage,
  StoredCheckpoint,
} from './checkpoint/storage/storage.ts';
export type { StoredPrecision } from './checkpoint/stored-precision.ts';
export type { TextFacts, TextInput } from './data/corpus.ts';
export { Vocabulary, type VocabularyInput } from './data/vocabulary.ts';
export type { ChosenEngine, EngineChoice, MakeEngine } from './engine/choose.ts';
export type { Engine, FloatArray, Precision } from './engine/engine.ts';
export type { EngineName } from './engine/names.ts';
export * from './errors.ts';
export type { ExportFormat } from './formats/format-names.ts';
export { DETECTORS, type Detector } from './inspect/detectors.ts';
export type { Correlation, UnitLabel } from './inspect/label-units.ts';
export type { LabelUnitsInput, SaliencyInput, SaliencyMethod, StatesInput } from './inspect/options.ts';
export type { Saliency } from './inspect/saliency.ts';
export type { Saturation, UnitPart, UnitStates } from './inspect/unit-states.ts';
export type { ModelInput } from './language-model.ts';
export type { ModelConfig } from './model/config.ts';
export type { Regularization } from './model/regularization.ts';
export type { SymbolDetails } from './model/symbol-details.ts';
export { type OptionFacts, optionFacts } from './option-facts.ts';
export type {
  CompleteInput,
  GenerateAllInput,
  GenerateInput,
  SamplePiecesInput,
  SamplesInput,
} from './sample/generate-input.ts';
export type { Sample, SamplePiece, SampleProgress } from './sample/samples.ts';
export type { LikelyWord, LikelyWords } from './sample/search/likely-words.ts';
export { sequenceSeed } from './sample/sequence-seed.ts';
export type { Ending } from './sample/stops.ts';
export type { StreamInput, TextStream } from './sample/text-stream.ts';
export type { TextPiece } from './sample/writer.ts';
export type { CountModelLoss } from './score/count-model/count-model-loss.ts';
export type { TemperatureFit } from './score/fit-temperature.ts';
export type { ScoreInput, StatisticsInput, TemperatureInput } from './score/options.ts';
export type { TextScore } from './score/score-text.ts';
export type { Summary } from './score/summary.ts';
export type { BodyReader, IncomingRequest } from './server/http/incoming-request.ts';
export { createServer, type Server, type ServerInput } from './server/server.ts';
export { type BaselineInput, baselineLoss } from './train/baseline-loss.ts';
export type * from './train/events.ts';
export { EVENTS_VERSION } from './train/events.ts';
export { EventLogReader, type SkippedLine } from './train/log/event-log-reader.ts';
export type { LineProblem, LoggedEvent, LoggedStart } from './train/log/logged-event.ts';
export { LoggedRun } from './train/log/logged-run.ts';
export type { TrainingObserver } from './train/observers/observers.ts';
export type { TrainingOptions } from './train/options.ts';
export type { CheckpointInput, TrainInput } from './train/train-input.ts';
export type { OptionOrigin, OptionOrigins } from './util/option-origins.ts';
