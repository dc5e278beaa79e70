import { restoreCache, saveCache } from '@actions/cache';

// A program of its own, started by src/action/model-cache.ts in the folder of a model store: what the cache's
// client logs is not for the log of the step (it names signed addresses), and it unpacks into GITHUB_WORKSPACE.

/**
 * Of a model store; no view for the engine (bundles/), no download that broke off. Relative, because the address of a
 * cache entry follows from them too.
 */
const paths = [
  'layout.json',
  'models.json',
  'manifests/sha256/*',
  'blobs/sha256/*',
  '!manifests/sha256/*.*',
  '!blobs/sha256/*.*',
];

/** Whether the entry was found, or was saved. */
async function main([task, key = '']: readonly string[]): Promise<boolean> {
  // The service also finds entries whose key only begins like this.
  if (task === 'restore') return (await restoreCache([...paths], key)) === key;
  return (await saveCache([...paths], key)) !== -1;
}

void main(process.argv.slice(2)).then((done) => process.send?.({ done }));
