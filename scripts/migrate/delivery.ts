/** Whether what was written to a stream has arrived; asked once everything is written. */
export type Delivery = () => Promise<Error | undefined>;

/**
 * Listens to a stream that nobody may be reading any more, or whose disk is full: without a listener its error would end
 * the process, in the middle of a migration. Returns a question: why something did not arrive, or undefined.
 */
export function watchDelivery(stream: NodeJS.WritableStream): Delivery {
  let failure: Error | undefined;
  stream.on("error", (error: Error) => {
    failure ??= error;
  });
  return async () => {
    // Under the entrypoint nothing is; to ask takes longer than to count.
    if ((stream as { bytesWritten?: number }).bytesWritten === 0) return failure;
    // An empty text is written after all the others.
    const last = await new Promise<Error | null | undefined>((resolve) => stream.write("", resolve));
    return failure ?? last ?? undefined;
  };
}
