/** Numbers of the zip file format (PKWARE APPNOTE 6.3.10) that its reader and writer share. */
export const LOCAL_HEADER = { signature: 0x04034b50, size: 30 } as const;
export const CENTRAL_HEADER = { signature: 0x02014b50, size: 46 } as const;
export const END_RECORD = { signature: 0x06054b50, size: 22 } as const;
export const ZIP64_END_RECORD = { signature: 0x06064b50, size: 56 } as const;
export const ZIP64_LOCATOR = { signature: 0x07064b50, size: 20 } as const;

/** The extra field that holds 64-bit sizes and offsets. */
export const ZIP64_EXTRA = 0x0001;
/** The extra field PyTorch pads with, `FB` in the file. */
export const PADDING_EXTRA = 0x4246;

/** A 32-bit field of this value means: see the zip64 record. */
export const SEE_ZIP64_32 = 0xffffffff;
export const SEE_ZIP64_16 = 0xffff;

/** The version that a reader needs for stored entries, and for zip64. */
export const VERSION_STORED = 20;
export const VERSION_ZIP64 = 45;

/** General purpose flags. */
export const FLAG_ENCRYPTED = 0x0001;
export const FLAG_UTF8_NAMES = 0x0800;

/** The first of January 1980 in MS-DOS form: entries bear no date, so that equal content makes equal files. */
export const NO_DATE = 0x0021;
