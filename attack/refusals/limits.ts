/** Limits of a service under which bad requests are what they are called. */
export const MOST_BYTES = 2 ** 20;
export const MOST_PIXELS = 1_000_000;
export const MOST_PROMPTS = 3;
export const MOST_POINTS = 4;

export const LIMITS = {
  SAM_MAX_IMAGE_BYTES: String(MOST_BYTES),
  SAM_MAX_IMAGE_PIXELS: String(MOST_PIXELS),
  SAM_MAX_PROMPTS: String(MOST_PROMPTS),
  SAM_MAX_POINTS: String(MOST_POINTS),
};

/** Deadlines of headers and bodies that the slow miss, and others may on a busy machine. */
export const DEADLINES = { SAM_HEADER_TIMEOUT_MS: '500', SAM_REQUEST_TIMEOUT_MS: '2000' };
