import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';

/**
 * How attention is written down. All compute the same function:
 * - `plain`, as the paper has it, with all scores and their bias at once: 64 MiB a head where 4096 tokens meet;
 * - `by-head`, one head after the other, for runtimes without a fused kernel;
 * - `fused`, one operator that never holds all scores of a head.
 */
export type AttentionKind = 'plain' | 'by-head' | 'fused';

interface AttentionOptions {
  /** Side of the square of tokens that see each other. */
  readonly size: number;
  readonly dim: number;
  readonly heads: number;
  readonly kind: AttentionKind;
}

/** Tokens [N,in] -> [N,out]. */
export function linear(g: Graph, x: Value): Value {
  return g.gemmTransposed(x, g.parameter('weight'), g.parameter('bias'));
}

/**
 * Multi-head attention within squares of S = size * size tokens, with relative positions decomposed by rows
 * and columns (Li et al., 2021): [B,size,size,C] -> [B,size,size,C].
 */
export function attention(g: Graph, x: Value, options: AttentionOptions): Value {
  const { size, dim, heads, kind } = options;
  const channels = dim / heads;
  const qkv = linear(g.scope('qkv'), g.reshape(x, [-1, dim])); // [B*S,3C]
  const [q, k, v] = g
    .split(qkv, 1, 3)
    .map((part) => g.reshape(part, [-1, size * size, heads, channels])) as [Value, Value, Value];

  const relH = relativeBias(g, q, 'rel_pos_h', options); // [B,S,heads,size]
  const relW = relativeBias(g, q, 'rel_pos_w', options);
  const scaled = g.mul(q, g.constant(channels ** -0.5));
  const attended =
    kind === 'plain'
      ? plainAttention(g, { q: scaled, k, v, relH, relW }, options)
      : extendedAttention(g, { q: scaled, k, v, relH, relW }, options);
  const merged = g.reshape(attended, [-1, dim]);
  return g.reshape(linear(g.scope('proj'), merged), [-1, size, size, dim]);
}

/** Queries, keys and values [B,S,heads,c], and each query's bias for the rows and the columns of keys. */
type Operands = Readonly<Record<'q' | 'k' | 'v' | 'relH' | 'relW', Value>>;

/** softmax(q k' + relH + relW) v, all at once: -> [B,S,heads,c]. */
function plainAttention(
  g: Graph,
  { q, k, v, relH, relW }: Operands,
  { size, heads }: AttentionOptions,
): Value {
  const byHead = (y: Value) => g.transpose(y, [0, 2, 1, 3]); // [B,heads,S,c]
  const scores = g.matMul(byHead(q), g.transpose(k, [0, 2, 3, 1])); // [B,heads,S,S]
  const grid = g.reshape(scores, [0, heads, -1, size, size]);
  const rows = g.unsqueeze(byHead(relH), 4); // [B,heads,S,size,1]
  const columns = g.unsqueeze(byHead(relW), 3); // [B,heads,S,1,size]
  const biased = g.reshape(g.add(g.add(grid, rows), columns), [0, heads, -1, size * size]);
  return byHead(g.matMul(g.softmax(biased), byHead(v)));
}

/**
 * The same with the bias inside of the product: a query is followed by its biases for every row and column,
 * a key by ones at its own row and column and zeros elsewhere.
 */
function extendedAttention(
  g: Graph,
  { q, k, v, relH, relW }: Operands,
  { size, dim, heads, kind }: AttentionOptions,
): Value {
  const tokens = size * size;
  const width = dim / heads + 2 * size;
  const queries = g.concat([q, relH, relW], -1); // [B,S,heads,width]
  const places = g.sharedTensor(`places of ${size}`, onesAtPlaces(size, dim / heads));
  const keys = g.add(g.pad(k, [0, 0, 0, 2 * size]), places); // [B,S,heads,width]
  if (kind === 'fused') {
    const joined = g.multiHeadAttention(
      g.reshape(queries, [-1, tokens, heads * width]),
      g.reshape(keys, [-1, tokens, heads * width]),
      g.reshape(v, [-1, tokens, dim]),
      heads,
      1,
    );
    return g.reshape(joined, [-1, tokens, heads, dim / heads]);
  }
  const each = Array.from({ length: heads }, (_, head) => {
    const of = (y: Value) => g.slice(y, 2, head, head + 1); // [B,S,1,c]
    const query = g.transpose(of(queries), [0, 2, 1, 3]); // [B,1,S,width]
    const key = g.transpose(of(keys), [0, 2, 3, 1]); // [B,1,width,S]
    const value = g.transpose(of(v), [0, 2, 1, 3]); // [B,1,S,c]
    const attended = g.matMul(g.softmax(g.matMul(query, key)), value); // [B,1,S,c]
    return g.transpose(attended, [0, 2, 1, 3]);
  });
  return g.concat(each, 2);
}

/** [1,S,1,channels + 2 size]: for each token ones behind the channels, at its row and at its column. */
function onesAtPlaces(size: number, channels: number) {
  const width = channels + 2 * size;
  const data = new Float32Array(size * size * width);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const token = (row * size + column) * width + channels;
      data[token + row] = 1;
      data[token + size + column] = 1;
    }
  }
  return { shape: [1, size * size, 1, width], data };
}

/**
 * What each query adds to the scores of the keys of each row (or column), by how far they are from its own:
 * q [B,S,heads,c] -> [B,S,heads,size].
 */
function relativeBias(
  g: Graph,
  q: Value,
  table: 'rel_pos_h' | 'rel_pos_w',
  { size, dim, heads }: AttentionOptions,
): Value {
  const channels = dim / heads;
  const positions = g.transpose(relativePositions(g, table, size), [0, 2, 1]); // [size,c,size]
  // The matrices of one row of queries differ from those of the next; so do those of columns.
  const grid =
    table === 'rel_pos_h'
      ? g.reshape(q, [-1, size, size * heads, channels])
      : g.reshape(q, [-1, size, size, heads, channels]);
  return g.reshape(g.matMul(grid, positions), [-1, size * size, heads, size]);
}

/** The embedding of each distance from a query to a key along one axis: [size (queries), size (keys), c]. */
function relativePositions(g: Graph, name: 'rel_pos_h' | 'rel_pos_w', size: number): Value {
  const indices = Array.from({ length: size }, (_, query) =>
    Array.from({ length: size }, (_, key) => query - key + size - 1),
  );
  return g.gather(
    relativeTable(g, name, 2 * size - 1),
    g.sharedInts(`distances of ${size}`, indices),
  );
}

/** The learned table [length,c], interpolated where it was learned for another size. */
function relativeTable(g: Graph, name: string, length: number): Value {
  const table = g.parameter(name);
  const [learned] = g.parameterShape(name);
  if (learned === length) return table;
  const byChannel = g.unsqueeze(g.transpose(table, [1, 0]), 0); // [1,c,learned]
  const interpolated = g.interpolate(byChannel, length); // [1,c,length]
  return g.transpose(g.reshape(interpolated, [-1, length]), [1, 0]);
}
