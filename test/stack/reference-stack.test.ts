import { activityCountsOnce } from './activity.js';
import { apiRefusals } from './api.js';
import { apiConforms } from './conformance.js';
import { poisonIsDeadLettered } from './dead.js';
import { DeployedStack } from './deployed-stack.js';
import { everyEntryNamesATest } from './held-test.js';
import { paymentsArePosted } from './ledger.js';
import { mailsAreSentOnce } from './mails.js';
import { paymentsActOnce } from './once.js';
import { customersInOrder } from './order.js';
import { parallelRequestsActOnce } from './parallel.js';
import { queueIsRecreated } from './recreated.js';
import { refundsSettleOnce } from './refunds.js';
import { stackKind } from './stack-target.js';
import { subscribersAreTold } from './subscribers.js';

jest.setTimeout(300_000);

// One deployment for all of them. Each test has a customer of its own.
describe(`reference stack on ${stackKind()}`, () => {
  const stack = new DeployedStack();
  paymentsActOnce(stack);
  parallelRequestsActOnce(stack);
  apiConforms(stack);
  customersInOrder(stack);
  poisonIsDeadLettered(stack);
  apiRefusals(stack);
  activityCountsOnce(stack);
  queueIsRecreated(stack);
  mailsAreSentOnce(stack);
  refundsSettleOnce(stack);
  subscribersAreTold(stack);
  // Last: what it kills hides a message for half a minute, and nobody waits for that.
  paymentsArePosted(stack);
  everyEntryNamesATest();
});
