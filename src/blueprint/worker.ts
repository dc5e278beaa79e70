/** Where the worker runs: on the host itself, or in a container or sandbox. */
export const workers = ['hostlocal', 'container'] as const;
export type Worker = (typeof workers)[number];
