/**
 * A value of a template as JSON gives it: a plain one, or an intrinsic function that only the deployment resolves.
 */
export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue };

/** What CloudFormation is told of one resource. */
export interface ResourceDefinition {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, TemplateValue>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: Readonly<Record<string, TemplateValue>>;
}

/** The type of a stack inside another one. */
export const nestedStack = 'AWS::CloudFormation::Stack';

/** Where a nested stack stands in the stack above it. */
export interface NestedPlace {
  /** Path of the stack above. */
  readonly above: string;
  /** Logical id of the nested stack's resource there. */
  readonly logicalId: string;
}

/** What tells stacks of one name apart. Account and Region are empty where the deployment gives them. */
export interface TemplatePlace {
  /** Path of the stage. */
  readonly stage: string;
  readonly account: string;
  readonly region: string;
}

/** The parts of a template that rules read. */
export interface TemplateDocument {
  readonly Resources?: Readonly<Record<string, ResourceDefinition>>;
  readonly Outputs?: Readonly<
    Record<string, { readonly Value?: TemplateValue; readonly Export?: { readonly Name?: TemplateValue } }>
  >;
}

/** A template with where it comes from. */
export interface SourceTemplate {
  readonly document: TemplateDocument;
  readonly file: string;
  /** Where the file lies in the cloud assembly of the whole app: those of a stage have a directory of their own. */
  readonly assemblyPath: string;
  readonly stackPath: string;
  /** Name that other stacks import its outputs by. */
  readonly stackName: string;
  readonly place: TemplatePlace;
  /** Absent where it is no nested stack. */
  readonly nested?: NestedPlace;
  /** Paths of the constructs by the logical ids of their resources. */
  readonly paths: ReadonlyMap<string, string>;
}

/** A resource with where it stands. */
export class TemplateResource {
  constructor(
    public readonly template: SourceTemplate,
    public readonly logicalId: string,
    private readonly definition: ResourceDefinition,
  ) {}

  public get type(): string {
    return this.definition.Type;
  }

  public get path(): string {
    return this.template.paths.get(this.logicalId) ?? `${this.template.stackPath}/${this.logicalId}`;
  }

  /**
   * A property, or a part of one: `get('ScalingConfig', 'MaximumConcurrency')`. Where an intrinsic function stands
   * for the whole, such as `Fn::If`, it stands for each part, too.
   */
  public get(...names: readonly string[]): TemplateValue {
    return names.reduce<TemplateValue>(
      (value, name) => (isIntrinsic(value) ? value : part(value, name)),
      this.definition.Properties,
    );
  }

  /** Whether only the deployment tells what a property is. */
  public isOpen(...names: readonly string[]): boolean {
    return isIntrinsic(this.get(...names));
  }

  /**
   * A number, undefined where only the deployment knows it, and below zero, which AWS refuses unless it is a default.
   */
  public amount(names: readonly string[], otherwise: number): number | undefined {
    const value = this.get(...names);
    if (value === undefined || value === null) return otherwise;
    const number = typeof value === 'string' ? Number(value) : value;
    const least = Math.min(0, otherwise);
    return typeof number === 'number' && Number.isFinite(number) && number >= least ? number : undefined;
  }

  /** Whether a property is on. Templates of other tools write `"true"`. */
  public isOn(...names: readonly string[]): boolean {
    const value = this.get(...names);
    return value === true || value === 'true';
  }

  public texts(...names: readonly string[]): readonly string[] {
    const value = this.get(...names);
    return isList(value) ? value.filter((one) => typeof one === 'string') : [];
  }
}

/** Part of a value by its name. What CloudFormation leaves out, `AWS::NoValue`, is not there. */
export function part(value: TemplateValue, name: string): TemplateValue {
  const one = isObject(value) ? value[name] : undefined;
  return isObject(one) && one['Ref'] === 'AWS::NoValue' ? undefined : one;
}

/** `Ref` or a function, alone in its object. */
export function isIntrinsic(value: TemplateValue): boolean {
  if (!isObject(value)) return false;
  const [name, ...others] = Object.keys(value);
  return name !== undefined && others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'));
}

export function isObject(value: TemplateValue): value is { readonly [key: string]: TemplateValue } {
  return typeof value === 'object' && value !== null && !isList(value);
}

export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}
