export type { Embedding, ImageSource } from './embedding.js';
export type { EverythingEvent, FoundMask } from './everything.js';
export { bitmapOf, type DecodedMask, type RunLengths } from './mask.js';
export type {
  DecodeRequest,
  DecodeResponse,
  EmbeddingInfo,
  EverythingFields,
  EverythingResponse,
  Mask,
  ModelList,
  Problem,
  Prompt,
  PromptRequest,
} from './openapi.js';
export type { DecodeWhere, Place, Prediction, PredictPrompt } from './prediction.js';
export {
  type Decision,
  type PredictOptions,
  Predictor,
  type PredictorOptions,
} from './predictor.js';
export { SamProblem } from './problem.js';
export type { OnProgress, Progress, Stage } from './progress.js';
export {
  type CallOptions,
  type ClientOptions,
  type EmbedOptions,
  SamClient,
} from './sam-client.js';
