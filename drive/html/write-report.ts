import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RunReport } from '../report.js';
import { reportPage } from './report-page.js';

/** Writes the page of a run into a folder, which is made. @returns its path */
export async function writeReport(folder: string, report: RunReport): Promise<string> {
  const file = join(resolve(folder), 'report.html');
  await mkdir(resolve(folder), { recursive: true });
  await writeFile(file, reportPage(report));
  return file;
}
