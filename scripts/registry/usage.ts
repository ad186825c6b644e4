export const usage = `Usage: registry import FILE [--json] [--strict] [--config FILE]

Loads servers into the registry. FILE is JSON Lines, one ServerResponse ({"server": …, "_meta": …})
or bare server.json per line; "-" reads standard input.

The whole file is stored, or nothing when it fails. What is stored already stays as it is, so the
same file can be imported again. Published dates are kept. Lines that cannot be used are reported
and passed over.

  --json         the summary as one JSON document
  --strict       exit 3 when any line was passed over
  --config FILE  settings in YAML; otherwise the environment and .env, as for the service
  --help         this text

Exit codes: 0 done · 2 usage, configuration or FILE cannot be read · 3 nothing could be used, or
migrations are pending · 4 database not reachable · 8 the database refused us · 1 a bug
`;
