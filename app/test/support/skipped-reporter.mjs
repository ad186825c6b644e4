// The last words of a run: which tests were skipped. Their names, or what their files print, say why.
export default class SkippedReporter {
  #isChosenByName;

  constructor({ testNamePattern }) {
    this.#isChosenByName = Boolean(testNamePattern);
  }

  onRunComplete(_contexts, { testResults }) {
    // With -t all others count as skipped.
    if (this.#isChosenByName) return;
    const skipped = testResults.flatMap((file) =>
      file.testResults.filter(({ status }) => status === "pending").map(({ fullName }) => fullName),
    );
    const list = skipped.length === 0 ? " nothing" : skipped.map((name) => `\n  ${name}`).join("");
    process.stderr.write(`\nSkipped:${list}\n`);
  }
}
