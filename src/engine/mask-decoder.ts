import { Tensor } from 'onnxruntime-node';
import type { Provider } from '../core/device.js';
import { openSession, type Session, type SessionOptions } from './session.js';

const SIDE = 256;
export const LOGITS_PER_MASK = SIDE * SIDE;

/** What the decoder is asked: B prompts of N tokens each. */
export interface PromptBatch {
  /** [B,N,2] pixels in the model's frame. */
  readonly coords: Float32Array;
  /** [B,N]: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box. */
  readonly labels: Float32Array;
  /** One entry a prompt: the logits [256,256] of an earlier mask, where there is one. */
  readonly maskInputs: readonly (Float32Array | undefined)[];
}

export interface MaskBatch {
  /** [B,4,256,256] logits in the order of the mask tokens. */
  readonly lowResMasks: Float32Array;
  /** [B,4] */
  readonly iouPredictions: Float32Array;
}

/** The prompt encoder and mask decoder, as one network. */
export class MaskDecoder {
  readonly provider: Provider;
  readonly #session: Session;

  private constructor(session: Session) {
    this.provider = session.provider;
    this.#session = session;
  }

  /** @param graph the ONNX model that `sam/` writes. */
  static async open(graph: Uint8Array, options: SessionOptions): Promise<MaskDecoder> {
    return new MaskDecoder(await openSession(graph, options));
  }

  /** @param embedding [1,256,64,64] */
  async run(embedding: Float32Array, batch: PromptBatch): Promise<MaskBatch> {
    const prompts = batch.maskInputs.length;
    const tokens = batch.labels.length / prompts;
    const masks = new Float32Array(prompts * LOGITS_PER_MASK);
    const hasMask = new Float32Array(prompts);
    for (const [i, mask] of batch.maskInputs.entries()) {
      if (!mask) continue;
      masks.set(mask, i * LOGITS_PER_MASK);
      hasMask[i] = 1;
    }
    const { low_res_masks, iou_predictions } = await this.#session.run({
      image_embeddings: new Tensor('float32', embedding, [1, 256, 64, 64]),
      point_coords: new Tensor('float32', batch.coords, [prompts, tokens, 2]),
      point_labels: new Tensor('float32', batch.labels, [prompts, tokens]),
      mask_input: new Tensor('float32', masks, [prompts, 1, SIDE, SIDE]),
      has_mask_input: new Tensor('float32', hasMask, [prompts]),
    });
    if (!low_res_masks || !iou_predictions) throw new Error('the mask decoder lacks an output');
    return {
      lowResMasks: low_res_masks.data as Float32Array,
      iouPredictions: iou_predictions.data as Float32Array,
    };
  }
}
