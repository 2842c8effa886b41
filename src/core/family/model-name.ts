/** What a model may be called: names are part of files' names, of URLs and of embeddings' ids. */
export const MODEL_NAME_PATTERN = '[a-z0-9][a-z0-9_.-]{0,63}';

export const MODEL_NAME = new RegExp(`^${MODEL_NAME_PATTERN}$`);
