import { signal } from '@preact/signals';
import { type DecodeRequest, type RunLengths, SamProblem } from 'sam-split-client';
import { embedding } from './decoding.js';
import { found, search } from './found.js';
import { announce, tell, telling } from './notice.js';
import { source } from './picture.js';
import type { Box } from './prompt.js';
import { client } from './service.js';

/** Scores that objects must be above: words score lower than examples do. */
export const thresholds = { text: signal(0.1), example: signal(0.6) };

/** Images, by id, that the service has looked at for text. */
const looked = new Set<string>();

/** Finds what words name: phrases, with commas between them. */
export function findText(words: string): Promise<void> {
  const [first, ...others] = words
    .split(',')
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== '');
  if (first === undefined) return Promise.resolve();
  return find({ text: [first, ...others], text_threshold: thresholds.text.value });
}

/** Finds more of what is in a box. */
export function findLike(box: Box): Promise<void> {
  const exemplar = { box: [...box] as [number, number, number, number] };
  return find({ exemplar, text_threshold: thresholds.example.value });
}

async function find(fields: Omit<DecodeRequest, 'embedding_id'>): Promise<void> {
  const image = embedding.value;
  if (!image) return;
  const { embedding_id } = image;
  await telling(() =>
    search('name', async (signal) => {
      if (!looked.has(embedding_id)) await look(signal);
      const request = { embedding_id, format: 'rle_counts', ...fields } as const;
      const { results, warnings = [] } = await client
        .decode(request, { signal })
        .catch(async (error: unknown) => {
          if (!(error instanceof SamProblem && [404, 409].includes(error.status))) throw error;
          // What the service knew of the image has made room for others.
          await look(signal);
          return client.decode(request, { signal });
        });
      found.value = results
        .flatMap(({ masks }) => masks)
        .map(({ segmentation, predicted_iou, stability_score, bbox, area, label }, id) => ({
          id,
          // The format that was asked for.
          mask: {
            segmentation: segmentation as RunLengths,
            predicted_iou,
            stability_score,
            bbox,
            area,
          },
          ...(label !== undefined && fields.text && { name: label }),
        }));
      const count = found.value.length;
      if (warnings[0]) tell(warnings[0], 'error');
      announce(count > 0 ? `${count} objects found. Click those to keep.` : 'Nothing was found.');
    }),
  );
}

/** Has the service look at the image, which takes it some time, once. */
async function look(signal: AbortSignal): Promise<void> {
  const image = source.value;
  const model = embedding.value?.model;
  if (!image) throw new Error('Open the image again: the service needs its file');
  const { embedding_id } = await client.embed(image, { model, text: true, signal });
  looked.add(embedding_id);
}
