/**
 * Linear interpolation from one axis to another: output i is the sum over t < `taps` of
 * `weights[i * taps + t] * input[indices[i * taps + t]]`.
 */
export interface Interpolation {
  readonly taps: number;
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

/**
 * Bilinear interpolation along one axis with half-pixel centres and clamped edges, without antialiasing:
 * PyTorch's `interpolate(mode="bilinear", align_corners=False)`.
 * @param from length of the input. @param to length of the output.
 */
export function linear(from: number, to: number): Interpolation {
  const indices = new Int32Array(to * 2);
  const weights = new Float64Array(to * 2);
  for (let i = 0; i < to; i++) {
    const source = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const left = Math.min(Math.floor(source), from - 1);
    const share = source - left;
    indices.set([left, Math.min(left + 1, from - 1)], i * 2);
    weights.set([1 - share, share], i * 2);
  }
  return { taps: 2, indices, weights };
}

/** One interpolation that does what `first` and then `second` would: both are linear. */
export function compose(first: Interpolation, second: Interpolation): Interpolation {
  const taps = first.taps * second.taps;
  const length = second.indices.length / second.taps;
  const indices = new Int32Array(length * taps);
  const weights = new Float64Array(length * taps);
  for (let i = 0; i < length * second.taps; i++) {
    const middle = (second.indices[i] as number) * first.taps;
    for (let t = 0; t < first.taps; t++) {
      indices[i * first.taps + t] = first.indices[middle + t] as number;
      weights[i * first.taps + t] =
        (first.weights[middle + t] as number) * (second.weights[i] as number);
    }
  }
  return { taps, indices, weights };
}
