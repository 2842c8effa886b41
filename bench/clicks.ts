import { MaskDecoder, type PromptBatch } from '../src/engine/mask-decoder.js';
import { readDecoderWeights } from '../src/sam/weights/exported-decoder.js';
import { asEmbedding, randomEmbedding, shippedDecoder } from '../test/sam/fixtures/decoders.js';
import { randomSam2Decoder, randomSam2Embedding } from '../test/sam/fixtures/sam2-decoders.js';
import { interleaved } from './interleaved.js';

/** A click in the middle, with the padding point that both families put behind it. */
const CLICK: PromptBatch = {
  coords: Float32Array.of(512, 512, 0, 0),
  labels: Float32Array.of(1, -1),
  prompts: 1,
  maskInput: undefined,
};

/**
 * Clicks of MobileSAM and of a SAM 2 in turns, one thread each: all sizes of SAM 2 have this one decoder, and random weights
 * cost as much as trained ones.
 */
export async function clicks(): Promise<void> {
  const options = { device: 'cpu', threads: 1, gpuTurn: new SharedArrayBuffer(4) } as const;
  const mobile = await MaskDecoder.open(readDecoderWeights(shippedDecoder), options);
  const sam2 = await MaskDecoder.open(randomSam2Decoder(), options);
  const image = asEmbedding(randomEmbedding(1));
  const sam2Image = randomSam2Embedding(1);
  const context = await mobile.context(image);
  const sam2Context = await sam2.context(sam2Image);
  const steady = { warmUp: 50 } as const;
  for (const [what, multimask] of [
    ['three masks', true],
    ['one mask', false],
  ] as const) {
    await interleaved(
      `a click, ${what}`,
      [
        { name: 'MobileSAM', run: () => mobile.run(context, CLICK, multimask) },
        { name: 'SAM 2', run: () => sam2.run(sam2Context, CLICK, multimask) },
      ],
      steady,
    );
  }
  await interleaved('the context, once an image', [
    { name: 'MobileSAM', run: () => mobile.context(image) },
    { name: 'SAM 2', run: () => sam2.context(sam2Image) },
  ]);
}
