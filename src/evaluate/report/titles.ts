import { CLICKS, type Pictured, TARGETS } from '../measured.js';

const PLAIN = CLICKS.map((n) => [`clicks_${n}`, n === 1 ? '1 click' : `${n} clicks`]);
const FED = CLICKS.map((n) => [`clicks_with_logits_${n}`, n === 1 ? '1 click' : `${n} clicks`]);

/** What protocols are called, in the order in which they are told. */
export const TITLES: Readonly<Record<string, string>> = {
  point: 'inmost point',
  oracle: 'oracle of three',
  box: 'box',
  noisy_box: 'box with noise',
  ...Object.fromEntries(PLAIN),
  ...Object.fromEntries(FED.map(([name, title]) => [name, `${title}, logits`])),
};

/** Of what counts clicks. */
export const COUNT_TITLES: Readonly<Record<string, string>> = Object.fromEntries(
  TARGETS.flatMap((target) => {
    const percent = Math.round(100 * target);
    return [
      [`clicks_${percent}`, `clicks to ${percent} %`],
      [`clicks_with_logits_${percent}`, `clicks to ${percent} %, logits`],
    ];
  }),
);

/** Of the pictures of the worst objects. */
export const PICTURE_TITLES: Readonly<Record<Pictured, string>> = {
  point: 'inmost point',
  oracle: 'oracle of three',
  box: 'box',
  clicks: `${Math.max(...CLICKS)} clicks`,
  clicks_with_logits: `${Math.max(...CLICKS)} clicks, logits`,
};
