/** For each output of an axis: which inputs it sees, one after the other, and how much of each. */
export interface Kernel<Weights> {
  /** Most inputs any output sees; `weights` holds as many for each. */
  readonly taps: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly weights: Weights;
}
