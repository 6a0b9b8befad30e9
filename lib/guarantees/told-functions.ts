import type { IConstruct } from 'constructs';
import { InvalidProps } from './invalid-props.js';

interface Told {
  readonly value: string;
  readonly by: IConstruct;
}

const toldTo = new WeakMap<IConstruct, Map<string, Told>>();

/** A function of this app. */
interface ToldFunction extends IConstruct {
  addEnvironment(name: string, value: string): unknown;
}

/** Who tells a function something, and what its author can do where another construct has told it otherwise. */
export interface Teller {
  readonly constructClass: string;
  readonly by: IConstruct;
  readonly change: string;
}

/**
 * Sets variables of a function that others may have told something, too. A variable has one value: CDK would take the
 * later one without a word, and what is meant for one construct would go to the other.
 *
 * @throws InvalidProps where another construct has given one of the variables another value
 */
export function tellFunction(
  told: ToldFunction,
  variables: Readonly<Record<string, string>>,
  { constructClass, by, change }: Teller,
): void {
  const before = toldTo.get(told);
  const taken = Object.entries(variables).flatMap(([name, value]) => {
    const other = before?.get(name);
    return other === undefined || other.value === value || other.by === by ? [] : [{ name, by: other.by }];
  });
  const [first] = taken;
  if (first !== undefined)
    throw new InvalidProps(constructClass, by.node.path, [
      {
        id: 'function-told-once',
        given: `'${told.node.path}' is given ${taken.map(({ name }) => name).join(', ')}, which '${first.by.node.path}' has set to something else`,
        allowed:
          'a function that nobody else has told otherwise: a variable has one value, and the other would be lost',
        change,
      },
    ]);
  for (const [name, value] of Object.entries(variables)) told.addEnvironment(name, value);
  rememberTold(told, variables, by);
}

/** Notes what a function was made with, for those who tell it more. */
export function rememberTold(
  told: IConstruct,
  variables: Readonly<Record<string, string>>,
  by: IConstruct,
): void {
  const known = toldTo.get(told) ?? new Map<string, Told>();
  toldTo.set(told, known);
  for (const [name, value] of Object.entries(variables)) known.set(name, { value, by });
}
