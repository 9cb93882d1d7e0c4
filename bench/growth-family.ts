import type { ReaderName } from './growth-readers';

/** Files of one kind that grow: what each byte more costs whoever reads them is what counts. */
export interface GrowthFamily {
  readonly title: string;
  readonly reader: ReaderName;
  /** A file of about so many bytes; one that unpacks to more, of as many pieces as there would be room for. */
  readonly write: (bytes: number) => Uint8Array;
}
