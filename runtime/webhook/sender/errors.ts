import { DependencyFailed, ExactlyOnceError, RejectMessage } from '../../dedup/errors.js';

/** An endpoint that cannot be sent to as it is described. Thrown when it is registered or changed. */
export class InvalidEndpoint extends ExactlyOnceError {
  override name = 'InvalidEndpoint';
  constructor(readonly problems: readonly string[]) {
    super(`the endpoint cannot be registered: ${problems.join('; ')}`);
  }
}

/** There is no endpoint, delivery or event of that name with this tenant. */
export class NotRegistered extends ExactlyOnceError {
  override name = 'NotRegistered';
  constructor(
    readonly kind: 'endpoint' | 'event' | 'delivery',
    readonly tenant: string,
    readonly id: string,
  ) {
    super(`tenant '${tenant}' has no ${kind} '${id}'; list what it has, or give the id that was returned`);
  }
}

/** An event that belongs to no tenant by its name. It can never be sent. */
export class InvalidTenant extends RejectMessage {
  override name = 'InvalidTenant';
  constructor(given: unknown) {
    super(
      `a tenant is named by 1 to 64 of A-Z a-z 0-9 _ . -, got ${typeof given === 'string' ? `${given.length} characters` : typeof given}`,
    );
  }
}

/**
 * An address that must not be connected to: of a private or special range, or by a scheme that is not allowed. No
 * connection was made.
 */
export class AddressRefused extends ExactlyOnceError {
  override name = 'AddressRefused';
  constructor(
    readonly host: string,
    readonly problem: string,
  ) {
    super(`'${host}' is not connected to: ${problem}`);
  }
}

/** `notify` has thrown: whoever is to be told of it knows nothing, so what it is about is not settled. */
export class AlertNotTold extends DependencyFailed {
  override name = 'AlertNotTold';
  override readonly isWithoutData = true;
  constructor(options: ErrorOptions) {
    super('an alert could not be told: `notify` has thrown', options);
  }
}

/** The resolver answers for other names: the name servers of this one do not, which is its owner's affair. */
export class NameServersSilent extends ExactlyOnceError {
  override name = 'NameServersSilent';
  constructor(
    readonly host: string,
    options: ErrorOptions,
  ) {
    super(`the name servers of '${host}' do not answer; have its owner look at them`, options);
  }
}

/** The name could not be asked for because the resolver did not answer: nobody's fault who has the name. */
export class ResolverFailed extends DependencyFailed {
  override name = 'ResolverFailed';
}
