import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import { projectRoot } from "../../version.ts";

const folder = join(projectRoot, "deploy", "kubernetes");
const kubectl = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" }).status === 0;
const renders = kubectl ? "kubectl renders it" : "skipped: there is no kubectl here to render it";

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly secret: { readonly secretName: string } }[];
  readonly terminationGracePeriodSeconds: number;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector?: Readonly<Record<string, unknown>>;
    readonly podSelector?: Readonly<Record<string, unknown>>;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
  };
}

/** Kubernetes reads YAML 1.1, in which 0440 is octal. */
const readManifests = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS() as Manifest);

function render(variant: string): Manifest[] {
  const { stdout, stderr, status } = spawnSync("kubectl", ["kustomize", join(folder, variant)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return readManifests(stdout);
}

function find(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  expect(found.map(({ metadata }) => metadata.name)).toHaveLength(1);
  return found[0]!;
}

const containersOf = ({ spec }: Manifest): Container[] => [
  ...(spec.template.spec.initContainers ?? []),
  ...spec.template.spec.containers,
];
const environmentOf = ({ env }: Container): Record<string, string> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));

const base = readdirSync(join(folder, "base"))
  .filter((file) => file !== "kustomization.yaml")
  .flatMap((file) => readManifests(readFileSync(join(folder, "base", file), "utf8")));

describe.each(["base", "init-container", "job"])("deploy/kubernetes/%s", (variant) => {
  it("lists every file beside it, and nothing else", () => {
    const listed = parse(readFileSync(join(folder, variant, "kustomization.yaml"), "utf8")) as {
      resources: string[];
      patches?: { path: string }[];
    };
    const files = [...listed.resources, ...(listed.patches ?? []).map(({ path }) => path)];
    const there = readdirSync(join(folder, variant)).filter((file) => file !== "kustomization.yaml");
    expect(files.filter((file) => file !== "../base").toSorted()).toEqual(there.toSorted());
  });

  (kubectl ? it : it.skip)(`holds what every pod needs (${renders})`, () => {
    const manifests = render(variant);
    for (const workload of manifests.filter(({ kind }) => kind === "Deployment" || kind === "Job")) {
      const pod = workload.spec.template.spec;
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
      });
      for (const container of containersOf(workload)) {
        expect(container).toMatchObject({
          image: "headgate:production",
          resources: { requests: { memory: expect.any(String) }, limits: { memory: expect.any(String) } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        });
        for (const mount of container.volumeMounts) {
          expect(pod.volumes.map(({ name }) => name)).toContain(mount.name);
          const address = environmentOf(container)["DATABASE_URL_FILE"];
          expect(address).toBe(`${mount.mountPath}/url`);
        }
      }
    }
  });
});

describe("the Deployment", () => {
  const deployment = find(base, "Deployment");
  const pod = deployment.spec.template.spec;
  const api = pod.containers[0]!;

  it("has its probes on the port for operations, as the image has it", () => {
    expect(api.ports).toEqual([
      { name: "http", containerPort: 8080 },
      { name: "operations", containerPort: 8081 },
    ]);
    const probes = ["startupProbe", "livenessProbe", "readinessProbe"] as const;
    expect(probes.map((probe) => api[probe]!.httpGet)).toEqual([
      { path: "/health", port: "operations" },
      { path: "/health", port: "operations" },
      { path: "/ready", port: "operations" },
    ]);
  });

  it("never takes a replica away before another one is ready", () => {
    expect(deployment.spec).toMatchObject({
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });

  it("leaves time for what is under way: the pause before TERM and the server's own end fit the grace period", () => {
    expect(api).toMatchObject({ lifecycle: { preStop: { exec: { command: ["sleep", "5"] } } } });
    expect(environmentOf(api)["SHUTDOWN_TIMEOUT"]).toBe("10s");
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(5 + 10 + 5);
  });

  it("is what the Service, the budget and the network policy select", () => {
    const { labels } = deployment.spec.template.metadata;
    const selectors = [
      deployment.spec.selector?.["matchLabels"],
      find(base, "Service").spec.selector,
      find(base, "PodDisruptionBudget").spec.selector?.["matchLabels"],
      find(base, "NetworkPolicy").spec.podSelector?.["matchLabels"],
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector as Record<string, string>);
  });
});

describe("the role of migrations", () => {
  (kubectl ? it : it.skip).each(["init-container", "job"])(
    "is known to no container of the API in %s",
    (variant) => {
      const [api] = find(render(variant), "Deployment").spec.template.spec.containers;
      expect(environmentOf(api!)).toMatchObject({
        MIGRATE_ON_START: "check",
        MIGRATIONS_SCHEMA: "migrations",
      });
      expect(api!.volumeMounts.map(({ name }) => name)).toEqual(["database"]);
    },
  );

  (kubectl ? it : it.skip)(`is used where migrations run (${renders})`, () => {
    const migrate = { args: ["migrate", "up", "--yes"], volumeMounts: [{ name: "migrator" }] };
    expect(containersOf(find(render("init-container"), "Deployment"))[0]).toMatchObject(migrate);
    const job = find(render("job"), "Job");
    expect(containersOf(job)[0]).toMatchObject(migrate);
    expect(job.spec.template.spec.volumes).toMatchObject([{ secret: { secretName: "headgate-migrator" } }]);
  });
});
