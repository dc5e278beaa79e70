// Stands in for @actions/exec, which @actions/core uses to describe the platform: nothing here asks for that.
const missing = () => {
  throw new Error('@actions/exec is not part of this bundle');
};
export const exec = missing;
export const getExecOutput = missing;
