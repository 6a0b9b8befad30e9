import { App, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReferenceStack } from '../../bin/reference-stack.js';
import { dollars, totalOf, type Cost } from '../../lib/guarantees/cost.js';
import type { GuaranteeClaims } from '../../lib/guarantees/guarantee-claims.js';
import { GuaranteeReport } from '../../lib/guarantees/guarantee-report.js';
import { idleTable, table } from '../../lib/guarantees/report-markdown.js';

const page = join(__dirname, '..', '..', 'docs', 'deploy.md');

/** The parts of docs/deploy.md that follow from the stack, by the name in their marks. */
export function deployFigures(): Record<string, string> {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stack = new ReferenceStack(app, 'ExactlyOnceReference', {
    disposable: false,
    unprotected: false,
    sideBySide: false,
    polling: true,
  });
  const { Resources } = Template.fromStack(stack).toJSON() as { Resources: Record<string, Resource> };
  const claims = GuaranteeReport.claimsOf(Stage.of(stack) ?? stack);
  if (claims === undefined) throw new Error('the reference stack claims nothing');
  return {
    idle: idleTable(claims).join('\n'),
    million: millionTable(claims).join('\n'),
    stays: staying(Object.values(Resources)).join('\n'),
  };
}

/** The page with its figures as they are now. */
export function withFigures(text: string, figures: Record<string, string>): string {
  return Object.entries(figures).reduce((before, [name, figure]) => {
    const part = new RegExp(`(<!-- ${name}: [^\n]*-->\n\n)[^]*?(\n\n<!-- end of ${name} -->)`);
    if (!part.test(before)) throw new Error(`docs/deploy.md has no marks of '${name}'`);
    return before.replace(part, (_, begin: string, end: string) => `${begin}${figure}${end}`);
  }, text);
}

interface Resource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
}

function millionTable({ constructs }: GuaranteeClaims): string[] {
  const paid = constructs.flatMap(({ path, cost }) => (cost === undefined ? [] : [{ path, cost }]));
  const parts = [...new Set(paid.flatMap(({ cost }) => cost.lines.map(({ part }) => part)))];
  const amount = ({ lines }: Cost, wanted: string) => {
    const line = lines.find(({ part }) => part === wanted);
    return line === undefined ? '' : dollars(line.full);
  };
  return table(
    ['path', 'a million', ...parts, 'in full batches', 'each alone'],
    paid.map(({ path, cost }) => {
      const { full, alone } = totalOf(cost);
      const amounts = parts.map((part) => amount(cost, part));
      return [path.replace('ExactlyOnceReference/', ''), cost.per, ...amounts, dollars(full), dollars(alone)];
    }),
  );
}

function staying(resources: readonly Resource[]): string[] {
  const count = (type: string) =>
    resources.filter(({ Type, DeletionPolicy }) => Type === type && DeletionPolicy === 'Retain').length;
  return [
    `- the ${count('AWS::DynamoDB::Table')} tables, with deletion protection and continuous backup: effects, receipts, events`,
    `- the ${count('AWS::SQS::Queue')} queues, with messages that exist nowhere else`,
    `- the ${count('AWS::Logs::LogGroup')} log groups, and the ${count('AWS::S3::Bucket')} bucket of batches that the relay has given up`,
  ];
}

if (require.main === module) {
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), deployFigures()));
}
