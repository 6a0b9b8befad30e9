import { GetFunctionCommand, ResourceNotFoundException, type LambdaClient } from '@aws-sdk/client-lambda';
import { waitUntilActive } from '../../../targets/event-source/active.js';
import { FunctionNotActiveError } from '../../../targets/event-source/errors.js';

/** The embedded target makes a function at once, so its states are played here, the last one for ever. */
function lambdaWith(...states: (string | undefined)[]): { lambda: LambdaClient; left: () => number } {
  const send = (command: unknown) => {
    if (!(command instanceof GetFunctionCommand)) throw new Error('not played');
    const State = states.length > 1 ? states.shift() : states[0];
    if (State === 'gone')
      return Promise.reject(new ResourceNotFoundException({ message: 'gone', $metadata: {} }));
    return Promise.resolve({ Configuration: { State, StateReason: 'because' } });
  };
  return { lambda: { send } as unknown as LambdaClient, left: () => states.length };
}

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:slow';

test('a function that is being made is not invoked before it is Active', async () => {
  const { lambda, left } = lambdaWith('Pending', 'Pending', 'Active', 'asked too often');
  await waitUntilActive(lambda, arn, { pauseMs: 1 });
  expect(left()).toBe(1);
  for (const state of ['Active', 'Inactive', undefined, 'gone'])
    await waitUntilActive(lambdaWith(state).lambda, arn, { pauseMs: 1 });
});

test('a function that could not be made ends the start with the reason', async () => {
  await expect(waitUntilActive(lambdaWith('Pending', 'Failed').lambda, arn, { pauseMs: 1 })).rejects.toThrow(
    new FunctionNotActiveError(arn, 'Failed', 'because'),
  );
  await expect(
    waitUntilActive(lambdaWith('Pending').lambda, arn, { pauseMs: 1, atMostMs: 5 }),
  ).rejects.toThrow(`function ${arn} is Pending, must be Active before its mapping is played: because`);
});
