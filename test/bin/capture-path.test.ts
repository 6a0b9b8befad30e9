import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { appWith, cdc, permanent, permissions, referenceIn } from './reference.js';

describe('with change data capture', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'capture-'));
  const app = appWith(undefined, outdir);
  const template = Template.fromStack(referenceIn(app, { ...permanent, cdc }));
  const files = readdirSync(outdir, { recursive: true, encoding: 'utf8' });
  const report = readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
  afterAll(() => rmSync(outdir, { recursive: true }));

  test('payments go through one connector to three sinks, each a service of its own', () => {
    const names = Object.values(template.findResources('AWS::ECS::TaskDefinition')).flatMap(
      ({ Properties }) =>
        (
          Properties as {
            ContainerDefinitions: { Environment: { Name: string; Value: unknown }[] }[];
          }
        ).ContainerDefinitions.flatMap(({ Environment }) =>
          Environment.filter(({ Name }) => /_SINK$|_CONNECTOR$/.test(Name)).map(({ Value }) => Value),
        ),
    );
    expect(names.sort()).toEqual(['payments-iceberg', 'payments-lake', 'payments-model', 'shop']);
    template.resourceCountIs('AWS::ECS::Service', 4);
    template.allResourcesProperties('AWS::ECS::Service', {
      NetworkConfiguration: {
        AwsvpcConfiguration: Match.objectLike({ Subnets: cdc.subnetIds, AssignPublicIp: 'DISABLED' }),
      },
    });
  });

  test('a sink may read the one topic, write letters to the other, and write to its own store', () => {
    const model = permissions(template, 'ModelSinkTask');
    expect(model).toMatchObject({
      PaymentsModel: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      Dedup: ['dynamodb:GetItem', 'dynamodb:PutItem'],
    });
    const topic = (name: string) =>
      Object.entries(model).find(([resource]) => resource.includes(`topic/shop/1a2b-3/${name}`))?.[1];
    expect(topic('shop.public.payments')).toEqual(['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData']);
    expect(topic('shop.dead-letters')).toEqual(['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData']);
    expect(JSON.stringify(permissions(template, 'LakeSinkTask'))).not.toContain('dynamodb');
  });

  test('each sink is audited once a day against the table, and an audit that did not run is an alarm', () => {
    const audits = Object.values(
      template.findResources('AWS::CloudWatch::Alarm', {
        Properties: { Namespace: 'ExactlyOnce/Audit', TreatMissingData: 'breaching', Period: 86_400 },
      }),
    );
    expect(audits).toHaveLength(3);
    expect(Object.keys(permissions(template, 'ModelAuditHandler'))).toContain('PaymentsModel');
  });

  test('its images are gathered from the sources alone, and built when it is deployed', () => {
    const gathered = files.filter((file) => /^asset\.[^/]+\/lambdas\/cdc\/Dockerfile$/.test(file));
    expect(gathered.length).toBeGreaterThan(0);
    const [folder = ''] = gathered[0]?.split('/') ?? [];
    expect(readdirSync(join(outdir, folder)).sort()).toEqual([
      'lambdas',
      'package-lock.json',
      'package.json',
      'runtime',
      'targets',
    ]);
    expect(existsSync(join(outdir, folder, 'targets', 'connect', 'pom.xml'))).toBe(true);
  });

  test('what it guarantees, and what breaks it, is in the report', () => {
    for (const path of ['Capture', 'LakeSink', 'IcebergSink', 'ModelSink'])
      expect(report).toMatch(new RegExp(`\\| ExactlyOnceReference/${path} \\|`));
    expect(report).toContain('ExactlyOnceReference/LakeAudit');
    expect(report).toContain('| 2 x 730.5 hours x (1 vCPU x $0.03238 + 2 GB x $0.00356) | $57.71 |');
  });
});
