import type { Provider } from '../core/device.js';
import type { NetworkJob } from './jobs/job.js';
import { Lane } from './lane.js';

/** A lane whose workers run the networks of models. */
export class NetworkLane<J extends NetworkJob, Settings> extends Lane<J, Settings> {
  /**
   * Loads a model's network in every worker.
   * @param batch tells how many tasks of a group run together on the provider.
   * @returns the provider it runs on.
   * @throws OperatorError when it does not load
   */
  async loadModel(
    model: string,
    batch: (provider: Provider) => number = () => 1,
  ): Promise<Provider> {
    const [provider] = (await this.everywhere<Provider>('load', model)) as [Provider];
    this.batch = batch(provider);
    return provider;
  }

  /** Runs a model's network once in every worker, so that no request pays for its first run. */
  async warmUp(model: string): Promise<void> {
    await this.everywhere<void>('warmUp', model);
  }
}
