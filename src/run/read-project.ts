import { relative, resolve, sep } from 'node:path';
import { join } from '../blueprint/discover.ts';
import type { Config } from '../check/config.ts';
import { configReportFiles, parseConfig } from '../check/config.ts';
import { isTargetsFile, isYaml } from '../hardware/select.ts';
import { nodeFiles } from '../io/files.ts';
import { quote } from '../text/text.ts';
import { parseDestination } from './format-names.ts';
import type { Project } from './project.ts';
import { isGitFolder, leadsOut, realPlace } from './repository.ts';
import { settle, wantedBlueprints } from './settle.ts';
import { describeProblem } from './targets.ts';
import { UsageError } from './usage-error.ts';

/** Reads a config file below `workspace`, and makes its paths lead from the current folder. */
export async function readProject(file: string, repository: string, workspace: string): Promise<Project> {
  const shown = file.replaceAll('\\', '/').replace(/^\.\//, '');
  const read = nodeFiles([workspace]).read(file);
  if (!read.ok)
    throw new UsageError([`the config file ${quote(shown)} cannot be read: ${read.reason}. ${read.fix}`]);
  const yaml = isYaml(file) ? (await import('../io/yaml.ts')).parseYaml : null;
  const parsed = parseConfig(shown, read.text, yaml, (path) => staysIn(repository, path));
  if (!parsed.ok)
    throw new UsageError(parsed.problems.map((problem) => describeProblem({ ...problem, file: shown })));

  const { paths, targets, catalogs, baseline, format } = parsed.config;
  const inside = (path: string) => join(repository, path);
  const found: Config = { ...parsed.config };
  if (paths !== undefined) found.paths = paths.map(inside);
  if (catalogs !== undefined) found.catalogs = catalogs.map(inside);
  if (targets !== undefined) {
    found.targets = targets
      .flatMap((list) => list.split(','))
      .map((target) => target.trim())
      .map((target) => (isTargetsFile(target) ? inside(target) : target));
  }
  if (baseline !== undefined) found.baseline = inside(baseline);
  const problems: string[] = [];
  /** A file that a report is written to. */
  const written = (path: string) => {
    const place = relative(realPlace(resolve(repository)), realPlace(resolve(repository, path)));
    if (place.split(sep).some(isGitFolder))
      problems.push(`${shown}: ${quote(path)} belongs to git. Name another file.`);
    return inside(path);
  };
  if (format !== undefined) {
    found.format = format.map((one) => {
      const destination = parseDestination(one);
      return destination?.file == null ? one : `${destination.format}:${written(destination.file)}`;
    });
  }
  for (const name of configReportFiles) {
    const path = parsed.config[name];
    if (path !== undefined) found[name] = written(path);
  }
  if (problems.length > 0) throw new UsageError(problems);
  return {
    file: shown,
    config: found,
    settle: (options) => settle(options, found),
    wanted: (options) => wantedBlueprints(options, found, repository),
  };
}

/** Whether a path, followed to where it really leads, stays in the repository. */
function staysIn(repository: string, path: string): boolean {
  const root = resolve(repository);
  const place = resolve(root, path);
  return !leadsOut(relative(root, place)) && !leadsOut(relative(realPlace(root), realPlace(place)));
}
