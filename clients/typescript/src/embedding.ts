/** An image that the service has embedded. */
export interface Embedding {
  /** `<model>:<sha256 of the file>` */
  readonly embedding_id: string;
  readonly model: string;
  /** Of the oriented image, in pixels: the frame of all prompts and masks. */
  readonly width: number;
  readonly height: number;
  /** Whether things are found in it by `text`, as far as this is known. */
  readonly text?: boolean;
  /** Whether the image had to be sent. */
  readonly uploaded: boolean;
  /** Milliseconds of the service's steps, its queue among them; none where it knew the image. */
  readonly timings: Readonly<Record<string, number>>;
  /** Sentences for people about what looks wrong with the image. */
  readonly warnings: readonly string[];
}

/** An image file, or where the service is to fetch it. */
export type ImageSource = Blob | Uint8Array | URL;
