/** Where `init` copies from; the folder lies beside the sources, and beside the build. */
export const TEMPLATES: URL = new URL('../templates/', import.meta.url)
