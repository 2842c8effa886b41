import t from 'tap';
import type { RgbImage } from '#src/core/image.js';
import { ImageEncoder } from '#src/engine/image-encoder.js';
import { Graph } from '#src/onnx/graph.js';
import { writeModel } from '#src/onnx/write-model.js';
import { withPreprocessing } from '#src/sam/encoder/preprocess.js';
import { normalise } from '../fixtures/normalise.js';
import { maxDifference, random } from './fixtures/decoders.js';

const SIDE = 32;
const MEAN = [123.675, 116.28, 103.53] as const;
const STD = [58.395, 57.12, 57.375] as const;
const MANIFEST = { image_size: SIDE, pixel_mean: MEAN, pixel_std: STD };

/** An encoder that answers what it is given. */
async function echo(): Promise<ImageEncoder> {
  const g = Graph.create('echo');
  g.output('same', g.input('input', ['B', 3, SIDE, SIDE]), ['B', 3, SIDE, SIDE]);
  const model = withPreprocessing(g.toModel(), { side: SIDE, pixelMean: MEAN, pixelStd: STD });
  const options = { device: 'cpu', threads: 1, gpuTurn: new SharedArrayBuffer(4) } as const;
  return ImageEncoder.open(writeModel(model), SIDE, options);
}

function photograph(width: number, height: number, seed: number): RgbImage {
  const next = random(seed);
  const data = Uint8Array.from({ length: 3 * width * height }, () => Math.floor(256 * next()));
  return { width, height, data };
}

t.test('pixels are normalised, then padded with zeros', async (t) => {
  const encoder = await echo();
  const images = [
    photograph(SIDE, SIDE, 1),
    photograph(SIDE, 20, 2),
    photograph(7, SIDE, 3),
    photograph(SIDE, 1, 4),
  ];
  const { same } = await encoder.run(images);
  t.strictSame(same?.shape, [images.length, 3, SIDE, SIDE]);
  const length = 3 * SIDE * SIDE;
  for (const [i, image] of images.entries()) {
    const values = same?.data.subarray(i * length, (i + 1) * length) as Float32Array;
    const expected = normalise(image, MANIFEST);
    const difference = maxDifference(values, expected);
    t.ok(difference <= 5e-7, `image ${i} differs by ${difference}`);
    t.ok(maxDifference(expected, new Float32Array(length)) > 1, 'it is worth comparing');
    const isPadding = (_: number, at: number) =>
      at % SIDE >= image.width || Math.floor(at / SIDE) % SIDE >= image.height;
    t.ok(
      values.filter(isPadding).every((value) => value === 0),
      'padding is zero',
    );
  }
});
