/** Loaded into every thread of the victim: a run of a network ends as the file FAULT_FILE says, once. */
import { readFileSync, unlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

function take() {
  try {
    const fault = readFileSync(process.env.FAULT_FILE, 'utf8');
    // Of several threads that have read it, one removes it.
    unlinkSync(process.env.FAULT_FILE);
    return fault;
  } catch {
    return undefined;
  }
}

if (!isMainThread) {
  const { InferenceSession } = await import('onnxruntime-node');
  const { create } = InferenceSession;
  InferenceSession.create = async (...options) => {
    const session = await create.apply(InferenceSession, options);
    const run = session.run.bind(session);
    session.run = async (...feeds) => {
      const fault = take();
      if (fault === 'exit') process.exit(1);
      if (fault === 'throw') throw new Error('planted');
      return run(...feeds);
    };
    return session;
  };
}
