/** Whether this machine keeps the lowest byte of a number first, as almost all do. */
export const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
