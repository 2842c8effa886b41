import { isMainThread } from 'node:worker_threads';

/** Calls `before` with what a network is fed, before each of its runs in a thread of the service. */
export async function beforeEachRun(before) {
  if (isMainThread) return;
  const { InferenceSession } = await import('onnxruntime-node');
  const { create } = InferenceSession;
  InferenceSession.create = async (...options) => {
    const session = await create.apply(InferenceSession, options);
    const run = session.run.bind(session);
    session.run = async (...feeds) => {
      before(feeds[0]);
      return run(...feeds);
    };
    return session;
  };
}
