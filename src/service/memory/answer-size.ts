import { base64Length } from '../../core/bytes/base64-length.js';
import { SamError } from '../../core/errors.js';
import type { FoundMask } from '../../core/mask.js';
import { LOW_RES_LOGITS } from '../../core/masks/low-res-mask.js';
import type { MaskOptions } from '../../core/ports.js';
import { BYTES_PER_ELEMENT } from '../../core/tensors/tensor.js';

/** Bytes of the logits [256,256] of a mask in memory, in the number format asked for; 0 where nobody asked. */
export function logitsBytes({ format, returnLogits, logitsDtype }: MaskOptions): number {
  return format === 'logits' || returnLogits ? LOW_RES_LOGITS * BYTES_PER_ELEMENT[logitsDtype] : 0;
}

/** Bytes of the logits of one mask in an answer, which may have them twice. */
function logitsInAnswer(options: MaskOptions): number {
  const times = (options.format === 'logits' ? 1 : 0) + (options.returnLogits ? 1 : 0);
  return times * base64Length(logitsBytes(options));
}

/** Bytes of all masks in an answer, at most. */
export function answerBytes(
  masks: readonly Pick<FoundMask, 'bytes'>[],
  options: MaskOptions,
): number {
  return masks.reduce((sum, { bytes }) => sum + bytes + logitsInAnswer(options), 0);
}

/**
 * Checks what can be known of an answer before there is a mask: its logits.
 * @throws SamError `answer-too-large`
 */
export function checkLogits(masks: number, options: MaskOptions, maxBytes: number): void {
  checkAnswer(masks * logitsInAnswer(options), options, maxBytes);
}

/** @throws SamError `answer-too-large` */
export function checkAnswer(bytes: number, { format }: MaskOptions, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  const message =
    `the masks may take ${Math.ceil(bytes)} bytes as ${format}, more than the ${maxBytes} of an answer: ` +
    'send fewer prompts at once, ask for another format, or for logits in float16';
  throw new SamError('answer-too-large', message);
}
