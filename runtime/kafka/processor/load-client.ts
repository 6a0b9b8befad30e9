import { unlessMissing } from '../../dedup/package-missing.js';
import type { ClientModule } from './client-port.js';

const packageName = '@confluentinc/kafka-javascript';

/** @throws PackageMissing when it is not installed: it is a peer that compiles, so nobody gets it unasked */
export async function loadClient(): Promise<ClientModule> {
  // The name is not a literal, so that neither types nor bundlers ask for it.
  const name: string = packageName;
  const module = (await import(name).catch(unlessMissing(packageName, 'a Kafka processor'))) as
    ClientModule | { readonly default: ClientModule };
  return 'default' in module ? module.default : module;
}
