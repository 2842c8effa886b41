import { DECODER, TINY_VIT, type TinyVitStage } from '../architecture.js';

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[];

/**
 * Every weight of `buildTinyVit` by its name in MobileSAM's state dict, with its shape. They differ from the state
 * dict's where a model that was exported for inference does: a convolution has its batch normalisation folded in
 * (`seq.0.weight` stands for `seq.0.c.weight` and `seq.0.bn`), and `attention_biases` are spread out to
 * [heads, S, S]. Linear layers but `qkv` are 1x1 convolutions, [out, in, 1, 1].
 */
export function tinyVitParameters(): ReadonlyMap<string, readonly number[]> {
  const { patchEmbed, convLayer, stages } = TINY_VIT;
  const [half, quarter] = patchEmbed;
  const expanded = quarter * convLayer.expandRatio;
  return new Map([
    ...inside('patch_embed.seq.0', conv(3, half, 3)),
    ...inside('patch_embed.seq.2', conv(half, quarter, 3)),
    ...times(convLayer.depth, (block) =>
      inside(`layers.0.blocks.${block}`, [
        ...inside('conv1', conv(quarter, expanded, 1)),
        ...inside('conv2', conv(1, expanded, 3)),
        ...inside('conv3', conv(expanded, quarter, 1)),
      ]),
    ),
    ...inside('layers.0.downsample', patchMerging(quarter, stages[0].dim)),
    ...stages.flatMap((stage, i) => {
      const next = stages[i + 1];
      return inside(`layers.${i + 1}`, [
        ...times(stage.depth, (block) => inside(`blocks.${block}`, tinyVitBlock(stage))),
        ...(next ? inside('downsample', patchMerging(stage.dim, next.dim)) : []),
      ]);
    }),
    ...inside('neck', neck(stages[2].dim)),
  ]);
}

function patchMerging(from: number, dim: number): Shapes {
  return [
    ...inside('conv1', conv(from, dim, 1)),
    ...inside('conv2', conv(1, dim, 3)),
    ...inside('conv3', conv(dim, dim, 1)),
  ];
}

function tinyVitBlock({ dim, heads, window }: TinyVitStage): Shapes {
  const places = window * window;
  const hidden = dim * TINY_VIT.mlpRatio;
  return [
    ...inside('attn.norm', norm(dim)),
    ['attn.qkv.weight', [3 * dim, dim]],
    ['attn.qkv.bias', [3 * dim]],
    ['attn.attention_biases', [heads, places, places]],
    ...inside('attn.proj', conv(dim, dim, 1)),
    ...inside('local_conv', conv(1, dim, 3)),
    ...inside('mlp.norm', norm(dim)),
    ...inside('mlp.fc1', conv(dim, hidden, 1)),
    ...inside('mlp.fc2', conv(hidden, dim, 1)),
  ];
}

function neck(dim: number): Shapes {
  const { dim: out } = DECODER;
  return [
    ['0.weight', [out, dim, 1, 1]],
    ...inside('1', norm(out)),
    ['2.weight', [out, out, 3, 3]],
    ...inside('3', norm(out)),
  ];
}

function conv(inputs: number, outputs: number, side: number): Shapes {
  return [
    ['weight', [outputs, inputs, side, side]],
    ['bias', [outputs]],
  ];
}

function norm(channels: number): Shapes {
  return [
    ['weight', [channels]],
    ['bias', [channels]],
  ];
}

function times(count: number, each: (i: number) => Shapes): Shapes {
  return Array.from({ length: count }, (_, i) => each(i)).flat();
}

function inside(scope: string, shapes: Shapes): Shapes {
  return shapes.map(([name, shape]) => [`${scope}.${name}`, shape]);
}
