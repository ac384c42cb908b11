// An article's numbered steps, one at a time.

/** Shows the steps of an opened article, where it has any. */
export const steps = () => {};
