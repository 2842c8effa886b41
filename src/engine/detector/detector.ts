import { Tensor } from 'onnxruntime-node';
import type { Provider } from '../../core/device.js';
import type { DetectorOutput } from '../../core/find/detection.js';
import { type Network, openSession, type Session, type SessionOptions } from '../session.js';

/** The detector's image tower: a normalised square picture to what each of its patches proposes. */
export class Detector {
  readonly provider: Provider;
  readonly #session: Session;
  readonly #imageSize: number;

  private constructor(session: Session, imageSize: number) {
    this.provider = session.provider;
    this.#session = session;
    this.#imageSize = imageSize;
  }

  /** @param network as `buildImageTower` makes it, for a square of `imageSize`. */
  static async open(
    network: Network,
    imageSize: number,
    options: SessionOptions,
  ): Promise<Detector> {
    return new Detector(await openSession(network, options), imageSize);
  }

  /** @param pixels [1,3,S,S] normalised RGB. */
  async run(pixels: Float32Array): Promise<DetectorOutput> {
    const side = this.#imageSize;
    const pixel_values = new Tensor('float32', pixels, [1, 3, side, side]);
    const answer = await this.#session.run({ pixel_values });
    return {
      classEmbeds: floats(answer, 'class_embeds'),
      boxes: floats(answer, 'pred_boxes'),
      logitShift: floats(answer, 'logit_shift'),
      logitScale: floats(answer, 'logit_scale'),
      // An OWL-ViT has none.
      ...(answer['objectness_logits'] && { objectness: floats(answer, 'objectness_logits') }),
    };
  }
}

function floats(answer: Record<string, Tensor>, name: string): Float32Array {
  const tensor = answer[name];
  if (!tensor) throw new Error(`the image tower has no output "${name}"`);
  return tensor.data as Float32Array;
}
