/** An expected failure: a sentence for a person, and the exit code. */
export class Failure extends Error {
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A sentence where the file system says no; anything else as it is. */
export function explain(error, doing) {
  const reasons = {
    EACCES: "it may not be written to",
    EPERM: "it may not be written to",
    EROFS: "it is on a read-only file system",
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
  };
  const reason = reasons[error.code];
  return reason === undefined ? error : new Failure(2, `${doing} failed: ${reason} (${error.message}).`);
}
