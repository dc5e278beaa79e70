// Loaded before a measured program (node -r), or started in its place with the program as first argument: writes what it
// used to the file that BENCH_USAGE names.
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage = { maxRssMiB: maxRSS / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  writeFileSync(process.env.BENCH_USAGE, JSON.stringify(usage));
});

if (require.main === module) {
  process.argv.splice(1, 1);
  require(process.argv[1]);
}
