import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { CfnElement, type IPolicyValidationContext, Stack, Stage, Token } from 'aws-cdk-lib';
import type { NestedPlace, SourceTemplate, TemplateDocument } from './template-resource.js';

/**
 * The templates that a validation plugin is asked to look at, those of nested stacks among them, under the names that
 * stacks know each other by.
 */
export function templatesOf({ stackTemplates, appConstruct }: IPolicyValidationContext): SourceTemplate[] {
  const files = new Map(
    stackTemplates.map(({ stackConstructPath, templatePath }) => [stackConstructPath, templatePath]),
  );
  const { root } = appConstruct.node;
  return appConstruct.node
    .findAll()
    .filter((construct) => Stack.isStack(construct))
    .flatMap((stack) => {
      const file = fileOf(stack, files);
      if (file === undefined) return [];
      return [
        {
          file,
          assemblyPath: Stage.isStage(root) ? relative(root.outdir, file) : basename(file),
          document: JSON.parse(readFileSync(file, 'utf8')) as TemplateDocument,
          stackPath: stack.node.path,
          stackName: stack.nestedStackParent === undefined ? stack.stackName : stack.node.path,
          place: {
            stage: Stage.of(stack)?.node.path ?? '',
            account: known(stack.account),
            region: known(stack.region),
          },
          nested: nestedPlace(stack),
          paths: pathsOf(stack),
        },
      ];
    });
}

function known(value: string): string {
  return Token.isUnresolved(value) ? '' : value;
}

function nestedPlace({ nestedStackParent, nestedStackResource }: Stack): NestedPlace | undefined {
  if (nestedStackParent === undefined || nestedStackResource === undefined) return undefined;
  return {
    above: nestedStackParent.node.path,
    logicalId: String(nestedStackParent.resolve(nestedStackResource.logicalId)),
  };
}

/** A nested stack's template lies beside that of the stack that it is in. */
function fileOf(stack: Stack, files: ReadonlyMap<string, string>): string | undefined {
  const { nestedStackParent: parent } = stack;
  if (parent === undefined) return files.get(stack.node.path);
  const above = fileOf(parent, files);
  return above === undefined ? undefined : join(dirname(above), stack.templateFile);
}

function pathsOf(stack: Stack): Map<string, string> {
  const elements = stack.node
    .findAll()
    .filter((construct) => CfnElement.isCfnElement(construct))
    .filter((element) => element.stack === stack);
  return new Map(elements.map((one) => [String(stack.resolve(one.logicalId)), one.node.path]));
}
