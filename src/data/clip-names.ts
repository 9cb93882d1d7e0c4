/** What the file of a clip ends in. */
export const NPZ = /\.npz$/i;
/** What the file of a single array ends in, which may be a clip too. */
export const NPY = /\.npy$/i;
/** What the file of a video ends in. */
export const VIDEO = /\.(?:mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|flv|3gp|ogv|mts|m2ts)$/i;

/** Whether a file of that name is a clip of numbers. */
export function isClipFile(name: string): boolean {
  return NPZ.test(name) || NPY.test(name);
}

/** A clip's name without what the file of a clip, of an array or of a video ends in. */
export function withoutExtension(name: string): string {
  for (const ending of [NPZ, NPY]) if (ending.test(name)) return name.replace(ending, '');
  return name.replace(VIDEO, '');
}
