// What the sections share: sizes, generated repositories, targets, and how the product is started.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeRepository } from './blueprints.mjs';
import { root } from './product.mjs';
import { Workspace } from './workspace.mjs';

export class Context {
  #repositories = new Map();
  #presets = null;

  constructor(options, product) {
    this.options = options;
    this.product = product;
    this.workspace = new Workspace();
    /** How many blueprints are many. */
    this.many = options.quick ? 2_000 : 10_000;
    this.large = options.large ? 100_000 : null;
  }

  /** Says on stderr what is done, for whoever waits. */
  say(text) {
    process.stderr.write(`${text} …\n`);
  }

  /** How often something is measured that takes so long: what is short varies more. */
  rounds(blueprints) {
    const [often, quick] =
      blueprints <= 1 ? [31, 9] : blueprints <= 100 ? [21, 7] : blueprints <= 10_000 ? [9, 5] : [3, 2];
    return this.options.quick ? quick : often;
  }

  /** A repository with so many blueprints and, in `.mn/targets.json`, 50 targets. */
  async repository(blueprints) {
    const known = this.#repositories.get(blueprints);
    if (known !== undefined) return known;
    const folder = join(this.workspace.folder, `repository-${blueprints}`);
    if (blueprints > 1000) this.say(`writing ${blueprints} blueprints`);
    writeRepository(folder, blueprints, await this.#targets(50));
    this.#repositories.set(blueprints, folder);
    return folder;
  }

  /** A targets file with the first so many presets. */
  async targetsFile(amount) {
    const file = join(this.workspace.folder, `targets-${amount}.json`);
    writeFileSync(file, JSON.stringify({ targets: await this.#targets(amount) }));
    return file;
  }

  /** Presets as targets; those that the default model does not run on are not required, as a team would say it. */
  async #targets(amount) {
    if (this.#presets === null) {
      const { stdout } = await this.workspace.node(
        [this.product.cli, 'target', 'list', '--json'],
        this.workspace.folder,
      );
      this.#presets = JSON.parse(stdout).targets;
    }
    return this.#presets
      .slice(0, amount)
      .map(({ id, verdict }) => ({ id, preset: id, required: ['pass', 'warning'].includes(verdict.status) }));
  }

  /** The measurement of a check as people start it. */
  validate({ cli }, folder, ...more) {
    return this.workspace.used([cli, 'blueprint', 'validate', '--fail-on', 'never', ...more], folder);
  }

  /** The floor: a process that knows the files of the blueprints, and only reads them, or reads and parses them. */
  floor(work, folder, blueprints) {
    return this.workspace.used([join(root, 'bench', 'floor.mjs'), work, folder, String(blueprints)], folder);
  }

  /** What the runner sets for a step with only defaults. */
  runnerEnvironment(workspace) {
    const temporary = join(this.workspace.folder, 'runner');
    mkdirSync(temporary, { recursive: true });
    for (const name of ['output', 'summary']) writeFileSync(join(temporary, name), '');
    return {
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: join(temporary, 'output'),
      GITHUB_STEP_SUMMARY: join(temporary, 'summary'),
      RUNNER_TEMP: temporary,
      RUNNER_ENVIRONMENT: 'github-hosted',
    };
  }
}
