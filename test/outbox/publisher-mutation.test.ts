import { outboxConditions } from '../../runtime/dynamodb/conditions.js';
import { decisions } from '../../runtime/dynamodb/decisions.js';
import { OutboxWorld } from './outbox-world.js';

/**
 * Two publishers of one account, of which one does not know what the other has published.
 *
 * @returns what went wrong
 */
async function violations(): Promise<string[]> {
  const world = await OutboxWorld.open();
  const other = world.inEpoch('1');
  const kinds = [
    ...(await world.publish(['ann'])),
    ...(await other.publish(['ann', 'ann'])),
    ...(await world.publish(['ann'])),
  ];
  const versions = (await world.rows()).map(({ version }) => Number(version));
  for (const one of [world, other]) one.close();
  const found: string[] = [];
  if (kinds.some((kind) => kind !== 'processed')) found.push('a commit that failed');
  if (versions.join(' ') !== '1 2 3 4') found.push('an event that was overwritten');
  return found;
}

test('publishers that overtake each other lose nothing', async () => {
  expect(await violations()).toEqual([]);
});

test('the condition versionFree is found to be true', async () => {
  const original = outboxConditions.versionFree;
  outboxConditions.versionFree = `(${original}) OR NOT (${original})`;
  try {
    expect(await violations()).toEqual(['an event that was overwritten']);
  } finally {
    outboxConditions.versionFree = original;
  }
});

test('a version that is taken is found to be called the message’s own fault', async () => {
  const original = decisions.event.condition;
  decisions.event.condition = 'refuse';
  try {
    expect(await violations()).toContain('a commit that failed');
  } finally {
    decisions.event.condition = original;
  }
});
