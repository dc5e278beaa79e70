/** The user's home folder, as `os.homedir` has it: that module is loaded only where HOME does not say it. */
export async function homeFolder(): Promise<string> {
  const { HOME } = process.env;
  return HOME && process.platform !== 'win32' ? HOME : (await import('node:os')).homedir();
}
