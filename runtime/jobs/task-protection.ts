import { setTimeout as sleep } from 'node:timers/promises';

/** Keeps a task from being stopped while jobs run in it. */
export interface TaskProtection {
  /** Before a job begins. @returns false when the task cannot be protected: the job must not begin here. */
  begin(): Promise<boolean>;
  /** When it has ended. Never throws. */
  end(): Promise<void>;
}

export interface TaskProtectionOptions {
  /** How often it is prolonged, in milliseconds. @default - 30 minutes */
  readonly renewEveryMs?: number;
}

/** ECS: 1 to 2,880. What a process that was killed leaves behind keeps its task no longer than this. */
const minutes = 120;
const tries = 3;

/**
 * Scale-in protection of the ECS task this process runs in: on while at least one job runs. Neither scaling nor a
 * deployment stops the task meanwhile. Outside of ECS it does nothing.
 *
 * Needs `ecs:UpdateTaskProtection` for the task's role, which JobQueue grants.
 *
 * @param environment usually `process.env`: ECS tells every container in `ECS_AGENT_URI` whom to ask.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
 */
export function taskProtection(
  environment: Readonly<Record<string, string | undefined>>,
  { renewEveryMs = 30 * 60_000 }: TaskProtectionOptions = {},
): TaskProtection {
  const { ECS_AGENT_URI: agentUri } = environment;
  if (agentUri === undefined) return { begin: () => Promise.resolve(true), end: () => Promise.resolve() };
  let running = 0;
  let timer: NodeJS.Timeout | undefined;
  // One request at a time: the last one that is sent has to be the last one that is heard.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <T>(what: () => Promise<T>): Promise<T> => {
    const turn = last.then(what);
    last = turn.catch(() => undefined);
    return turn;
  };
  const say = async (on: boolean) => {
    for (let tried = 1; tried <= tries; tried += 1) {
      if (await put(agentUri, on)) return true;
      await sleep(200 * tried);
    }
    return false;
  };
  return {
    begin: async () => {
      running += 1;
      const isProtected = await inTurn(async () => {
        if (timer !== undefined) return true;
        if (!(await say(true))) return false;
        timer = setInterval(() => void inTurn(async () => say(true)), renewEveryMs).unref();
        return true;
      });
      if (!isProtected) running -= 1;
      return isProtected;
    },
    end: async () => {
      running -= 1;
      await inTurn(async () => {
        if (running > 0 || timer === undefined) return;
        clearInterval(timer);
        timer = undefined;
        await say(false);
      }).catch(() => undefined);
    },
  };
}

async function put(agentUri: string, on: boolean): Promise<boolean> {
  try {
    const answer = await fetch(`${agentUri}/task-protection/v1/state`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ProtectionEnabled: on, ...(on && { ExpiresInMinutes: minutes }) }),
      signal: AbortSignal.timeout(5_000),
    });
    // A refusal comes with status 200 as well.
    const { protection } = (await answer.json()) as { protection?: { ProtectionEnabled?: boolean } };
    return answer.ok && protection?.ProtectionEnabled === on;
  } catch {
    return false;
  }
}
