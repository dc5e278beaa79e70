/** What `parseSysctl` reads. Without -n, so that a value missing on one kind of Mac does not shift the others. */
export const sysctlArgs = ['hw.memsize', 'machdep.cpu.brand_string', 'sysctl.proc_translated'];

export interface Mac {
  /** By the chip, also where this program runs translated (Rosetta). */
  appleSilicon: boolean;
  /** `Apple M2`; null where unknown. */
  chip: string | null;
  memoryBytes: number | null;
}

/** Reads the lines `name: value` of sysctl. */
export function parseSysctl(stdout: string): Mac {
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  const chip = values.get('machdep.cpu.brand_string') || null;
  const memory = Number(values.get('hw.memsize') || Number.NaN);
  return {
    appleSilicon: values.get('sysctl.proc_translated') === '1' || (chip?.startsWith('Apple') ?? false),
    chip,
    memoryBytes: memory > 0 ? memory : null,
  };
}
