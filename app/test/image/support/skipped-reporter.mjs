// The last words of a run: which tests were skipped. Their names say why.
export default class SkippedReporter {
  onRunComplete(_contexts, { testResults }) {
    const skipped = testResults.flatMap((file) =>
      file.testResults.filter(({ status }) => status === "pending").map(({ fullName }) => fullName),
    );
    const list = skipped.length === 0 ? " nothing" : skipped.map((name) => `\n  ${name}`).join("");
    process.stderr.write(`\nSkipped:${list}\n`);
  }
}
