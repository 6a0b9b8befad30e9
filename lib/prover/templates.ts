import { isList, isObject, TemplateResource } from './template-resource.js';
import type { SourceTemplate, TemplateValue } from './template-resource.js';

/** All templates of an app, so that what one stack refers to is found in another. */
export class Templates {
  public readonly resources: readonly TemplateResource[];

  private readonly byStack = new Map<string, SourceTemplate>();
  private readonly exported = new Map<string, { from: SourceTemplate; value: TemplateValue }>();
  private readonly byId = new Map<SourceTemplate, Map<string, TemplateResource>>();

  constructor(templates: readonly SourceTemplate[]) {
    for (const template of templates) {
      this.byStack.set(template.stackName, template);
      this.byId.set(template, new Map(resourcesOf(template).map((one) => [one.logicalId, one])));
      for (const { Value: value, Export } of Object.values(template.document.Outputs ?? {}))
        if (typeof Export?.Name === 'string') this.exported.set(Export.Name, { from: template, value });
    }
    this.resources = [...this.byId.values()].flatMap((byId) => [...byId.values()]);
  }

  /** The resources of a type. */
  public of(type: string): readonly TemplateResource[] {
    return this.resources.filter((one) => one.type === type);
  }

  /**
   * The resource that a value of a template stands for: `Ref`, `Fn::GetAtt`, `Fn::Sub` of one of them, and what
   * another stack of the app exports. Undefined for what the app does not make, and for other intrinsic functions.
   */
  public resolve(value: TemplateValue, from: SourceTemplate): TemplateResource | undefined {
    if (!isObject(value)) return undefined;
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::ImportValue': name, 'Fn::GetStackOutput': output } = value;
    if (typeof name === 'string') return this.resolveOutput(this.exported.get(name));
    if (isObject(output) && typeof output.StackName === 'string' && typeof output.OutputName === 'string') {
      const stack = this.byStack.get(output.StackName);
      return stack && this.resolve(stack.document.Outputs?.[output.OutputName]?.Value, stack);
    }
    const id = typeof Ref === 'string' ? Ref : (attributeOf(attribute) ?? substituted(value['Fn::Sub']));
    return id === undefined ? undefined : this.byId.get(from)?.get(id);
  }

  /** The resources that a part of a template refers to, however deep. */
  public referredTo(value: TemplateValue, from: SourceTemplate): TemplateResource[] {
    const one = this.resolve(value, from);
    if (one !== undefined) return [one];
    const parts = isList(value) ? value : isObject(value) ? Object.values(value) : [];
    return parts.flatMap((inner) => this.referredTo(inner, from));
  }

  private resolveOutput(output: { from: SourceTemplate; value: TemplateValue } | undefined) {
    return output && this.resolve(output.value, output.from);
  }
}

function resourcesOf(template: SourceTemplate): TemplateResource[] {
  return Object.entries(template.document.Resources ?? {}).map(
    ([logicalId, definition]) => new TemplateResource(template, logicalId, definition),
  );
}

/** `["Queue", "Arn"]`, or `"Queue.Arn"` in templates that were written by hand. */
function attributeOf(value: TemplateValue): string | undefined {
  if (typeof value === 'string') return value.split('.')[0];
  return isList(value) && typeof value[0] === 'string' ? value[0] : undefined;
}

function substituted(value: TemplateValue): string | undefined {
  return typeof value === 'string' ? /^\$\{([A-Za-z0-9]+)(\.[A-Za-z.]+)?\}$/.exec(value)?.[1] : undefined;
}
