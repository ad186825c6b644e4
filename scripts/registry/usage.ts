export const usage = `Usage: registry import FILE [--json] [--strict] [--config FILE]
       registry export [--output FILE] [--config FILE]

import loads servers into the registry. FILE is JSON Lines, one ServerResponse
({"server": …, "_meta": …}) or bare server.json per line; "-" reads standard input.

The whole file is stored, or nothing when it fails. What is stored already stays as it is, so the
same file can be imported again. Dates and status are kept. Lines that cannot be used are reported
with their number and passed over.

export writes every version, deleted ones too, as lines that import reads back: the state of one
moment, to standard output or to a FILE that appears when it is whole.

  --json         the summary of import as one JSON document
  --strict       when any line cannot be used: report them all, store nothing, exit 3
  --output FILE  where export writes
  --config FILE  settings in YAML; otherwise the environment and .env, as for the service
  --help         this text

Exit codes: 0 done · 2 usage, configuration, or FILE cannot be read or written · 3 nothing could be
used, or migrations are pending · 4 database not reachable · 8 the database refused us · 1 a bug
`;
