import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IPolicyValidationPlugin, Validations } from 'aws-cdk-lib';
import { ExactlyOnceChecks } from '../../lib/index.js';

/** A finding as the validation report of a synth has it. */
export interface Reported {
  readonly ruleName: string;
  readonly description: string;
  readonly suggestedFix?: string;
  readonly severity: string;
  readonly paths: readonly string[];
}

export interface Synthesized {
  readonly reported: readonly Reported[];
  /** Whether the synth ended with an error. */
  readonly fails: boolean;
}

/** Synthesizes an app that `build` fills, under a plugin. */
export function synthesize(
  build: (app: App) => unknown,
  plugin: IPolicyValidationPlugin = new ExactlyOnceChecks(),
  context: Record<string, unknown> = {},
): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'prover-'));
  const printed = jest.spyOn(console, 'error').mockReturnValue();
  try {
    const app = new App({
      outdir,
      builtinCloudFormationValidation: false,
      context: { 'aws:cdk:bundling-stacks': [], ...context },
    });
    build(app);
    Validations.of(app).addPlugins(plugin);
    const fails = failsToSynth(app);
    return { reported: reportIn(outdir), fails };
  } finally {
    printed.mockRestore();
    rmSync(outdir, { recursive: true });
  }
}

/** A synth that a validation fails has written its report before. */
function failsToSynth(app: App): boolean {
  try {
    app.synth();
    return false;
  } catch (error) {
    if (existsSync(join(app.outdir, reportFile))) return true;
    throw error;
  }
}

const reportFile = 'validation-report.json';

function reportIn(outdir: string): Reported[] {
  const report = JSON.parse(readFileSync(join(outdir, reportFile), 'utf8')) as {
    pluginReports: {
      violations: (Omit<Reported, 'paths'> & { violatingConstructs: { constructPath: string }[] })[];
    }[];
  };
  return report.pluginReports
    .flatMap(({ violations }) => violations)
    .map(({ violatingConstructs, ...violation }) => ({
      ...violation,
      paths: violatingConstructs.map(({ constructPath }) => constructPath),
    }));
}

/** Ids of the rules with findings of some severities, each once, in order. */
export function rulesIn({ reported }: Synthesized, ...severities: readonly string[]): string[] {
  const found = reported.filter(({ severity }) => severities.includes(severity));
  return [...new Set(found.map(({ ruleName }) => ruleName))].sort();
}
