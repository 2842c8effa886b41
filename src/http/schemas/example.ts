/** An image for the requests in the document, so that they run as they stand: a red disc, 64 by 64 pixels, a PNG in base64. */
export const EXAMPLE_IMAGE =
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAABlBMVEXAOSvo5Nh6ZrilAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAA' +
  'VUlEQVQoz2P4DwUMg4bxgR/KOMAMZTAwQBj/GBjqwYw/DAz2YMYPBgZ5MOMDAwM/KuMBAwM7KuMAAwMzNRiYJmPaDncY3Klwx8O9' +
  'g/Ag3MuDLS4IMgBJc7NG6PyQYQAAAABJRU5ErkJggg==';

/** Its id, with the model that is served unless another is asked for. */
export const EXAMPLE_ID =
  'mobile_sam:f4014efa38313d5056c871afdb08958caab489d58c6a9309609f3bf057559220';

/** A point on the disc, and the box around it. */
export const EXAMPLE_POINT = [24, 30];
export const EXAMPLE_BOX = [10, 16, 38, 44];
