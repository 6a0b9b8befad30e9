import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { SourceTemplate, TemplateDocument } from './template-resource.js';

/** A template as it is deployed. */
export interface DeployedTemplate {
  readonly document: TemplateDocument;
  /** Templates of the stacks that are nested in it lie beside it. */
  readonly directory: string;
}

/** The templates of a directory: a cloud assembly, or what `get-template` has answered. */
export class DeployedTemplates {
  private readonly directory: string;

  /** @throws InvalidProps where it does not exist */
  constructor(directory: string) {
    this.directory = directory;
    if (!existsSync(directory))
      throw invalid({
        id: 'deployed-templates-exist',
        given: `deployedTemplates is ${JSON.stringify(directory)}`,
        allowed: 'a directory that exists',
        change: 'fill it with `aws cloudformation get-template`, or make it, empty, for a first deployment',
      });
  }

  /** Undefined where the stack is not deployed yet. @throws InvalidProps where its template is not JSON */
  public of({ file, assemblyPath, stackName }: SourceTemplate): DeployedTemplate | undefined {
    // Stacks of two stages may have one name, but have each a directory of the assembly.
    const ofStage = assemblyPath === basename(file) ? [] : [assemblyPath];
    return firstOf(this.directory, [...ofStage, `${stackName}.template.json`, basename(file)]);
  }

  /** The one of a stack nested in another. Undefined where it is not at hand. @throws InvalidProps as `of` */
  public nestedIn({ directory }: DeployedTemplate, file: string): DeployedTemplate | undefined {
    return firstOf(directory, [file]);
  }
}

function firstOf(directory: string, names: readonly string[]): DeployedTemplate | undefined {
  const path = names.map((name) => join(directory, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  const document = parsed(path);
  // get-template without --query wraps the template.
  return {
    document: (isWrapped(document) ? document.TemplateBody : document) as TemplateDocument,
    directory: dirname(path),
  };
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw invalid({
      id: 'deployed-templates-are-json',
      given: `${path} is not JSON (${error instanceof Error ? error.name : typeof error})`,
      allowed: 'a template as CDK deploys it',
      change: 'get it anew with --output json',
    });
  }
}

function isWrapped(document: unknown): document is { TemplateBody: unknown } {
  return typeof document === 'object' && document !== null && 'TemplateBody' in document;
}

function invalid(violation: Violation): InvalidProps {
  return new InvalidProps('ReplacementChecks', 'a validation plugin', [violation]);
}
