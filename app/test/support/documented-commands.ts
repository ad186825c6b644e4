import type { SceneName } from "./documented-scenes.ts";

/** Commands that need something else than a schema at head, which is where all other `migrate` commands are run. */
export const scenesOfCommands: readonly (readonly [RegExp, SceneName])[] = [
  [/^migrate (?:up|plan|sql > |sql --from|wait|create|completion|lint$)/, "empty"],
  [/^migrate baseline --adopt golang-migrate/, "golang"],
  [/^migrate baseline/, "empty"],
  [/^migrate repair 000004/, "edited"],
  [/^migrate repair 000007/, "interrupted"],
  [/\$SCRATCH_URL/, "scratch"],
];

/** Where a transcript was taken, by the heading that it stands under. */
export const scenesOfTranscripts: Readonly<Record<string, SceneName>> = {
  "Exit code 2: usage or configuration": "unconfigured",
  "Exit code 2: there is no terminal to ask on": "pending",
  "Exit code 3: the answer is no": "pending",
  "Exit code 4: the database cannot be reached": "unreachable",
  "Exit code 5: the lock is held": "locked",
  "Exit code 6: a migration failed": "failing",
  "Exit code 7: files and history disagree": "changed",
  "Exit code 7: an interrupted run needs a decision": "undecided",
  "Exit code 7: another tool's table": "foreign",
  "Exit code 8: the database refuses": "password",
  "Exit code 8: privileges": "privileges",
  "Exit code 9: the image is too old": "old",
  "An INVALID index": "invalid",
  "Judging migrations: `migrate lint`": "unjudged",
  "Import and export": "registry",
};

/** Messages that the documents quote, of scenes that only a fault test can make; where they stand, and that test. */
export const quotations: readonly {
  readonly quote: string;
  readonly source: string;
  readonly test: string;
  readonly word: string;
}[] = [
  {
    quote:
      "Session locks do not work through it: give migrations a direct connection with MIGRATE_DATABASE_URL.",
    source: "app/migrate/migration-session.ts",
    test: "app/test/faults/pooler.test.ts",
    word: "/pooler.*MIGRATE_DATABASE_URL/s",
  },
  {
    quote: "the server is a read-only standby, or still recovering; migrations need the primary",
    source: "app/database/preflight.ts",
    test: "app/test/faults/standby.test.ts",
    word: "/was not ready within 1 s: .*standby.*primary/",
  },
];

/** A command that is not run here, and who runs it: a file of the project, and words that it must contain. */
export interface RunElsewhere {
  readonly command: RegExp;
  readonly file: string;
  readonly words: readonly string[];
}

const image = (name: string): string => `app/test/image/${name}.test.ts`;

/** The first that matches counts. */
export const runElsewhere: readonly RunElsewhere[] = [
  { command: /^npm start$/, file: "scripts/start/start.test.ts", words: ['"start.js"'] },
  { command: /^npm test( -- \S+)?$/, file: ".ci/run", words: ["npm test"] },
  { command: /^npm run test:faults\b/, file: ".ci/run", words: ["npm run test:faults"] },
  {
    command: /^npm run test:model -- --runs \d+$/,
    file: "app/test/faults/model.test.ts",
    words: ["runModel"],
  },
  { command: /^npm run test:image\b/, file: ".ci/run", words: ["npm run test:image"] },
  {
    command: /^npm run lint && npm run typecheck && npm run format$/,
    file: ".ci/run",
    words: ["npm run lint", "npm run typecheck", "npm run format:check"],
  },
  { command: /^npm run docs$/, file: "scripts/docs/documents.test.ts", words: ["readDocuments()"] },
  { command: /^npm run types$/, file: "app/test/database/statement-types.test.ts", words: ["npm run types"] },
  {
    command: /^(?:BENCH_(?:ROUNDS|SECONDS)=\d+ )?npm run bench( -- [a-z-]+)?$/,
    file: "bench/results.md",
    words: ["`npm run bench -- "],
  },
  { command: /^\.ci\/run$/, file: ".ci/run", words: ["# usage: .ci/run"] },
  {
    command: /^deploy\/create-secrets\.sh$/,
    file: "app/test/image/support/swarm-stack.ts",
    words: ['"deploy/create-secrets.sh"'],
  },
  // Compose
  {
    command: /^docker compose up --build$/,
    file: image("development-compose"),
    words: ['compose("up", "--build", "--detach")'],
  },
  {
    command: /^docker compose run --rm --entrypoint \/bin\/bash app$/,
    file: image("development-compose"),
    words: ['"--entrypoint", "/bin/bash", "app"'],
  },
  {
    command:
      /^(?:REVISION=\S+ \S+ \S+ )?docker compose -f docker-compose\.migrate-service\.yml (?:up --build -d|build)$/,
    file: image("production-compose"),
    words: ['"docker-compose.migrate-service.yml"', 'compose("up", "--build", "--detach")', "REVISION:"],
  },
  {
    command: /^docker compose -f docker-compose\.migrate-service\.yml run --rm migrate$/,
    file: image("release"),
    words: ['"run", "--rm", "--no-TTY", "migrate"'],
  },
  {
    command: /^docker compose -f docker-compose\.migrate-service\.yml up -d$/,
    file: image("release"),
    words: ['"up", "--no-build", "--detach"'],
  },
  { command: /^docker compose ps -a$/, file: "app/test/image/support/compose-project.ts", words: ['"ps"'] },
  // The image
  {
    command: /^docker build -f Dockerfile\.prod -t headgate\S*(?: --build-arg REVISION=.*)? \.$/,
    file: "app/test/image/support/build.ts",
    words: ['"Dockerfile.prod"', '"--tag"', '"--build-arg"'],
  },
  {
    command: /^docker run -d -p 8080:8080 -e DATABASE_URL=\S+ headgate$/,
    file: image("production-image"),
    words: ["migrates and serves"],
  },
  {
    command: /^docker run --read-only --cap-drop ALL --security-opt no-new-privileges …$/,
    file: "app/test/image/support/containers.ts",
    words: ['"--read-only"', '"--cap-drop", "ALL"', '"--security-opt", "no-new-privileges"'],
  },
  {
    command: /^docker run --rm -e DATABASE_URL=\S+ headgate:production migrate up$/,
    file: image("production-image"),
    words: ['runImage(options, "migrate", "up")'],
  },
  {
    command: /^docker run --rm -v "\$PWD\/my-migrations:\/app\/migrations:ro" .* migrate up$/,
    file: image("production-image"),
    words: ["runs somebody else's migrations from a mounted folder", ":/app/migrations:ro"],
  },
  {
    command: /^docker run --rm -it -e DATABASE_URL=… IMAGE migrate down -n 1$/,
    file: image("rolling-upgrade"),
    words: ['"migrate", "down", "-n"'],
  },
  {
    command: /^docker inspect --format '\{\{\.State\.ExitCode\}\}' CONTAINER$/,
    file: "app/test/image/support/containers.ts",
    words: ["ExitCode"],
  },
  {
    command:
      /^DATABASE_URL=\S+ docker build -f Dockerfile\.build-migrations .*--build-arg RUN=.* --secret id=database_url,env=DATABASE_URL \.$/,
    file: image("build-migrations"),
    words: ["Dockerfile.build-migrations", "HEADGATE_IMAGE", "RUN:", "id=database_url,env="],
  },
  {
    command: /^docker build -t notes --build-arg HEADGATE_IMAGE=headgate:production examples\/own-service$/,
    file: image("own-service"),
    words: ['"examples", "own-service"', "HEADGATE_IMAGE: productionImage()"],
  },
  {
    command: /^docker run --rm -p 8080:8080 -e DATABASE_URL=\S+ notes$/,
    file: image("own-service"),
    words: [":8080`", "is process 1 and serves"],
  },
  {
    command: /^docker run --rm -e DATABASE_URL=\S+ notes migrate status$/,
    file: image("own-service"),
    words: ['"migrate"'],
  },
  // Kubernetes: no cluster is part of the tests; the manifests are rendered, and name the secret and its key.
  {
    command: /^kubectl create secret generic headgate-database --from-literal=url='postgres:\/\/…'$/,
    file: "deploy/kubernetes/base/deployment.yaml",
    words: ["secretName: headgate-database", "/url"],
  },
  {
    command: /^kubectl apply -k deploy\/kubernetes\/base$/,
    file: "app/test/structure/kubernetes.test.ts",
    words: ['["kustomize", join(folder, variant)]'],
  },
];

/** Commands that nobody runs here, and why that is. */
export const runNowhere: readonly { readonly command: RegExp; readonly because: string }[] = [
  { command: /^kubectl describe pod$/, because: "no cluster is part of the tests" },
  {
    command: /^pg_dump --format=custom --file=before\.dump "\$DATABASE_URL"$/,
    because: "a program of PostgreSQL's, which must be of the server's version",
  },
];
