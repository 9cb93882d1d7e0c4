/** Memory of so many bytes; undefined where there is none of that kind. */
type Allocate = (bytes: number) => ArrayBuffer | undefined;

let allocate: Allocate = () => undefined;

/** Below this Node's own memory is as good. */
const LARGE = 2 ** 15;

/** Says whence {@link bytesToFill} has large memory from now on. */
export function allocateLargeBy(own: Allocate): void {
  allocate = own;
}

/** Bytes in a buffer of their own for whoever fills them at once: what is in them before is not said. */
export function bytesToFill(length: number): Uint8Array<ArrayBuffer> {
  const large = length < LARGE ? undefined : allocate(length);
  return new Uint8Array(large ?? Buffer.allocUnsafeSlow(length).buffer);
}
