/** How large a message may be before it is refused; checked before anything is allocated for it. */
export interface WireLimits {
  /** Bytes of a message (of its UTF-8 text in JSON). */
  readonly maxBytes: number;
  /** Fields of a binary message, nested ones included; values of a JSON message. */
  readonly maxItems: number;
  /** Frames of one message. */
  readonly maxFrames: number;
  /** Inputs, outputs or units of a layer. */
  readonly maxSize: number;
  /** Layers of a model. */
  readonly maxLayers: number;
  /** Weights of a model. */
  readonly maxParameters: number;
  /** Steps, windows and updates in the settings of learning, each. */
  readonly maxSteps: number;
  /** UTF-16 units of a name, token or label. */
  readonly maxName: number;
}

/** What a server takes unless it is told otherwise: 1 MiB a message. */
export const defaultLimits: WireLimits = {
  maxBytes: 1 << 20,
  maxItems: 1 << 16,
  maxFrames: 4096,
  maxSize: 1 << 16,
  maxLayers: 64,
  maxParameters: 1 << 24,
  maxSteps: 1 << 16,
  maxName: 1024,
};
