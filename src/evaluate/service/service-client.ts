import { setTimeout as after } from 'node:timers/promises';
import { OperatorError } from '../../core/errors.js';
import type { ImageSize } from '../../core/image.js';
import { AMBIGUOUS_MASKS, type Box, type Point } from '../../core/prompt.js';
import { LabelFault } from '../../labels/skipped.js';

/** A request to the service, in this process or elsewhere. */
export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly type?: string;
  readonly body?: Uint8Array | string;
}

export interface ServiceResponse {
  readonly status: number;
  /** Seconds after which to try again, where that helps. */
  readonly retryAfter: number | undefined;
  readonly body: string;
}

export type Send = (request: ServiceRequest) => Promise<ServiceResponse>;

export interface Question {
  readonly point_coords?: readonly Point[];
  readonly point_labels?: readonly number[];
  readonly box?: Box;
  readonly multimask_output: boolean;
  readonly mask_input?: { readonly token: string };
}

export interface Answer {
  readonly predicted_iou: number;
  /** COCO's compressed runs. */
  readonly counts: string;
  /** Stands for the mask's logits where they were to be kept. */
  readonly token?: string | undefined;
}

export interface EmbeddedImage extends ImageSize {
  readonly id: string;
}

/** Prompts in one request, and pixels of all their masks: a service has limits, and clients beside this one. */
const MOST_PROMPTS = 16;
const MOST_PIXELS = 2 ** 28;
/** How often a service that is busy is asked again. */
const TRIES = 30;
/** What the service says of an image that it cannot take. */
const BAD_IMAGE = [413, 415, 422];

/** The service's use cases, as a client of its HTTP interface sees them. */
export class ServiceClient {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** The models that are served, with what tells their answers from those of others. */
  async models(): Promise<{ name: string; fingerprint: string }[]> {
    const { models } = await this.#json<{
      models: { name: string; fingerprint: string; decoder: { sha256: string } }[];
    }>({ method: 'GET', path: '/models' });
    return models.map(({ name, fingerprint, decoder }) => ({
      name,
      fingerprint: `${fingerprint} ${decoder.sha256}`,
    }));
  }

  /** @throws LabelFault when the image is none that the service takes */
  async embed(image: Uint8Array, model: string): Promise<EmbeddedImage> {
    const { embedding_id, width, height } = await this.#json<ImageSize & { embedding_id: string }>({
      method: 'POST',
      path: `/embed?model=${encodeURIComponent(model)}`,
      type: 'application/octet-stream',
      body: image,
    });
    return { id: embedding_id, width, height };
  }

  /**
   * The masks of each question, best predicted IoU first.
   * @param keep whether tokens are wanted.
   */
  async decode(
    { id, width, height }: EmbeddedImage,
    questions: readonly Question[],
    keep: boolean,
  ): Promise<Answer[][]> {
    const most = Math.floor(MOST_PIXELS / (AMBIGUOUS_MASKS * width * height));
    const size = Math.min(MOST_PROMPTS, Math.max(1, most));
    const answers: Answer[][] = [];
    while (answers.length < questions.length) {
      const prompts = questions.slice(answers.length, answers.length + size);
      const { results } = await this.#json<{ results: { masks: MaskAnswer[] }[] }>({
        method: 'POST',
        path: `/embeddings/${encodeURIComponent(id)}/decode`,
        type: 'application/json',
        body: JSON.stringify({ prompts, format: 'rle', return_logits_token: keep }),
      });
      answers.push(...results.map(({ masks }) => masks.map(answerOf)));
    }
    return answers;
  }

  async #json<T>(request: ServiceRequest): Promise<T> {
    for (let tries = 1; ; tries++) {
      const { status, retryAfter = 1, body } = await this.#send(request);
      if (status < 300) return parsed(request, body) as T;
      const isBusy = status === 429 || status === 503;
      if (!isBusy || tries === TRIES) throw refusal(request, status, body);
      await after(1000 * retryAfter);
    }
  }
}

function parsed({ method, path }: ServiceRequest, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new OperatorError(`what answers to ${method} ${path} is no such service: no JSON`);
  }
}

interface MaskAnswer {
  readonly segmentation: { readonly counts: string };
  readonly predicted_iou: number;
  readonly logits_token?: string;
}

function answerOf({ segmentation, predicted_iou, logits_token: token }: MaskAnswer): Answer {
  return { predicted_iou, counts: segmentation.counts, token };
}

function refusal({ method, path }: ServiceRequest, status: number, body: string): Error {
  const detail = detailOf(body);
  if (path.startsWith('/embed?') && BAD_IMAGE.includes(status)) {
    return new LabelFault('image is unreadable', detail);
  }
  const hint = status === 401 || status === 403 ? '; SAM_API_KEY is where to put a key' : '';
  return new OperatorError(`the service answers ${status} to ${method} ${path}: ${detail}${hint}`);
}

function detailOf(body: string): string {
  try {
    const { detail, title } = JSON.parse(body) as { detail?: string; title?: string };
    return detail ?? title ?? body;
  } catch {
    return body.slice(0, 200);
  }
}
