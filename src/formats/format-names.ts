/** The names of the file formats, in a file of their own so that options and help do not load the formats. */

/** The formats that can be read. `open.ts` has their readers. */
export const FORMAT_NAMES = ['safetensors', 'npz', 'onnx', 'torch7'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/**
 * The formats that can be written. `safetensors`: our own format, complete. `pytorch`: the same without a training state, for
 * `load_state_dict` of PyTorch's own modules. `torch7`: the original's format. `vocabulary`: torch-rnn's JSON. `export.ts` has their writers.
 */
export const EXPORT_FORMATS = ['safetensors', 'pytorch', 'onnx', 'npz', 'torch7', 'vocabulary'] as const;
/** Those of them that hold a model. */
export const MODEL_FORMATS = ['safetensors', 'pytorch', 'onnx', 'npz', 'torch7'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
