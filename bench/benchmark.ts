import type { Engine } from './engine.js';
import type { Row } from './row.js';

export interface BenchmarkContext {
  readonly engine: Engine;
  /** How often everything is measured. Figures are medians, the spread is lowest to highest. */
  readonly runs: number;
  /** Faults of each kind, over all runs. */
  readonly faults: number;
  readonly log: (line: string) => void;
}

export interface Benchmark {
  readonly name: string;
  /** One sentence: what is compared. */
  readonly about: string;
  /** What a reader might take from the figures and must not. */
  readonly notMeasured: readonly string[];
  /** False: no database takes part, so the floors hold on any engine. */
  readonly usesEngine: boolean;
  run(context: BenchmarkContext): Promise<Outcome>;
}

export interface Outcome {
  readonly rows: Row[];
  /** What the rows are made of, where that matters: at which steps the kills fell. */
  readonly details?: string[];
}
