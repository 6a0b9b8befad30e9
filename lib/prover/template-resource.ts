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
  readonly stackPath: string;
  /** Name that other stacks import its outputs by. */
  readonly stackName: string;
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

  /** A property, or a part of one: `get('ScalingConfig', 'MaximumConcurrency')`. */
  public get(...names: readonly string[]): TemplateValue {
    return names.reduce<TemplateValue>(part, this.definition.Properties);
  }

  /** A number, undefined where only the deployment knows it. */
  public amount(names: readonly string[], otherwise: number): number | undefined {
    const value = this.get(...names);
    if (value === undefined || value === null) return otherwise;
    const number = typeof value === 'string' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
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

export function part(value: TemplateValue, name: string): TemplateValue {
  return isObject(value) ? value[name] : undefined;
}

export function isObject(value: TemplateValue): value is { readonly [key: string]: TemplateValue } {
  return typeof value === 'object' && value !== null && !isList(value);
}

export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}
