/** What live data becomes: what a model takes in one step. */
export type Encoded = number | Float32Array;

/**
 * Live data to inputs, one piece at a time: pure and causal, its state a value like a carry, and plain data, so that it can stand
 * in a file. Where the data is cut into pieces does not matter: the same inputs leave, bit for bit.
 */
export interface Encoder<Raw = unknown, State = unknown, In extends Encoded = Encoded> {
  /** As it stands in a checkpoint. */
  readonly config: { readonly kind: string };
  /** What a model that takes these inputs has as `config.input`. */
  readonly input: { readonly kind: In extends number ? 'token' : 'features'; readonly size: number };
  /** The state before the first piece. */
  initial(): State;
  /**
   * The inputs that this piece completes, none or more, and the state after it.
   *
   * @throws InputError if the piece is of another kind, or has a number that is not finite
   */
  encode(state: State, raw: Raw): { readonly state: State; readonly inputs: readonly In[] };
  /** The inputs of what still waits for its rest, when no more will come. */
  finish(state: State): readonly In[];
  /**
   * The state that was written as JSON.
   *
   * @throws CheckpointError if it is no state of this encoder
   */
  restore(saved: unknown): State;
}
