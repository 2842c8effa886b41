import { isMainThread } from 'node:worker_threads';

/** Loaded into every thread of a service: image encoders take TIMER_MS an image of nobody's processor, and answer what never changes. */
if (!isMainThread) {
  const ms = Number(process.env.TIMER_MS);
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const { create } = InferenceSession;
  const word = new Int32Array(new SharedArrayBuffer(4));
  /** Of one image: zeros would be rounded to 16 bits as no embedding is. */
  const values = new Float32Array(256 * 64 * 64).fill(0.1);
  InferenceSession.create = async (...options) => {
    const session = await create.apply(InferenceSession, options);
    if (!session.inputNames.includes('pixels')) return session;
    await session.release();
    return {
      run: async ({ pixels }) => {
        const [images] = pixels.dims;
        Atomics.wait(word, 0, 0, ms * images);
        const embeddings = new Float32Array(images * values.length);
        for (let i = 0; i < images; i++) embeddings.set(values, i * values.length);
        return { image_embeddings: new Tensor('float32', embeddings, [images, 256, 64, 64]) };
      },
    };
  };
}
