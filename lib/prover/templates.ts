import { isList, isObject, nestedStack, part, TemplateResource } from './template-resource.js';
import type { SourceTemplate, TemplateValue } from './template-resource.js';

interface Output {
  readonly from: SourceTemplate;
  readonly value: TemplateValue;
}

/** All templates of an app, so that what one stack refers to is found in another. */
export class Templates {
  public readonly resources: readonly TemplateResource[];

  private readonly byName = new Map<string, SourceTemplate[]>();
  private readonly byPath = new Map<string, SourceTemplate>();
  private readonly exported = new Map<string, Output[]>();
  private readonly byId = new Map<SourceTemplate, Map<string, TemplateResource>>();

  constructor(templates: readonly SourceTemplate[]) {
    for (const template of templates) {
      add(this.byName, template.stackName, template);
      this.byPath.set(template.stackPath, template);
      this.byId.set(template, new Map(resourcesOf(template).map((one) => [one.logicalId, one])));
      for (const { Value: value, Export } of Object.values(template.document.Outputs ?? {}))
        if (typeof Export?.Name === 'string') add(this.exported, Export.Name, { from: template, value });
    }
    this.resources = [...this.byId.values()].flatMap((byId) => [...byId.values()]);
  }

  /** The resources of a type. */
  public of(type: string): readonly TemplateResource[] {
    return this.resources.filter((one) => one.type === type);
  }

  /**
   * The resource that a value of a template stands for: `Ref`, `Fn::GetAtt`, `Fn::Sub` of one of them, what another
   * stack of the app exports, what a nested stack is given as a parameter, and what it has as an output. Undefined
   * for what the app does not make, and for other intrinsic functions.
   */
  public resolve(value: TemplateValue, from: SourceTemplate): TemplateResource | undefined {
    if (!isObject(value)) return undefined;
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::ImportValue': name, 'Fn::GetStackOutput': output } = value;
    if (typeof name === 'string') return this.resolveOutput(nearest(this.exported.get(name), from));
    if (isObject(output) && typeof output.StackName === 'string' && typeof output.OutputName === 'string') {
      const { OutputName: outputName } = output;
      const named = this.byName.get(output.StackName)?.map((stack) => ({
        from: stack,
        value: stack.document.Outputs?.[outputName]?.Value,
      }));
      const region = typeof output.Region === 'string' ? output.Region : from.place.region;
      return this.resolveOutput(nearest(named, { ...from, place: { ...from.place, region } }));
    }
    const [id, ...path] =
      typeof Ref === 'string' ? [Ref] : (attributeOf(attribute) ?? substituted(value['Fn::Sub']) ?? []);
    if (id === undefined) return undefined;
    const made = this.byId.get(from)?.get(id);
    if (made === undefined) return this.handedDown(id, from);
    return made.type === nestedStack && path[0] === 'Outputs' ? this.handedUp(made, path[1], from) : made;
  }

  /** The resources that a part of a template refers to, however deep. */
  public referredTo(value: TemplateValue, from: SourceTemplate): TemplateResource[] {
    const one = this.resolve(value, from);
    if (one !== undefined) return [one];
    const parts = isList(value) ? value : isObject(value) ? Object.values(value) : [];
    return parts.flatMap((inner) => this.referredTo(inner, from));
  }

  /** What the stack above gives a nested stack as a parameter. */
  private handedDown(parameter: string, { nested }: SourceTemplate): TemplateResource | undefined {
    const above = nested && this.byPath.get(nested.above);
    const resource = above && this.byId.get(above)?.get(nested.logicalId);
    return resource && this.resolve(part(resource.get('Parameters'), parameter), above);
  }

  /** What a nested stack has as an output. */
  private handedUp(
    { logicalId }: TemplateResource,
    output: string | undefined,
    above: SourceTemplate,
  ): TemplateResource | undefined {
    const inside = [...this.byPath.values()].find(
      ({ nested }) => nested?.above === above.stackPath && nested.logicalId === logicalId,
    );
    if (inside === undefined || output === undefined) return undefined;
    return this.resolve(inside.document.Outputs?.[output]?.Value, inside);
  }

  private resolveOutput(output: Output | undefined): TemplateResource | undefined {
    return output && this.resolve(output.value, output.from);
  }
}

/**
 * Of outputs of one name, that of the same account and Region: no import reaches further. Two stages there cannot
 * both be deployed under it, unless their accounts are known at deployment only; the stage's own is meant then.
 */
function nearest(outputs: readonly Output[] = [], { place }: SourceTemplate): Output | undefined {
  const reached = outputs.filter(
    ({ from }) => from.place.account === place.account && from.place.region === place.region,
  );
  const [one, ...others] = reached;
  return others.length === 0 ? one : reached.find(({ from }) => from.place.stage === place.stage);
}

function add<T>(to: Map<string, T[]>, name: string, one: T): void {
  const some = to.get(name) ?? [];
  to.set(name, some);
  some.push(one);
}

function resourcesOf(template: SourceTemplate): TemplateResource[] {
  return Object.entries(template.document.Resources ?? {}).map(
    ([logicalId, definition]) => new TemplateResource(template, logicalId, definition),
  );
}

/** `["Queue", "Arn"]`, or `"Queue.Arn"` in templates that were written by hand. */
function attributeOf(value: TemplateValue): string[] | undefined {
  if (typeof value === 'string') return value.split('.');
  if (!isList(value)) return undefined;
  return value.filter((one) => typeof one === 'string').flatMap((one) => one.split('.'));
}

function substituted(value: TemplateValue): string[] | undefined {
  return typeof value === 'string'
    ? /^\$\{([A-Za-z0-9]+(?:\.[A-Za-z0-9.]+)?)\}$/.exec(value)?.[1]?.split('.')
    : undefined;
}
