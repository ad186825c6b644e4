// Made by `npm run types`: PostgreSQL itself has described the registry's statements on the schema of all migrations. Not
// to be edited; a test fails when it says something else than PostgreSQL.

export type ServerStatus = "active" | "deprecated" | "deleted";

export interface StatementTypes {
  readonly "import-add-servers": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "import-insert": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (ServerStatus | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | Date | null | undefined)[] | null | undefined,
      readonly (string | Date | null | undefined)[] | null | undefined,
      readonly (string | Date | null | undefined)[] | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "import-lock-servers": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "import-mark": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (boolean | null | undefined)[] | null | undefined,
      boolean | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "import-marks": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly status: ServerStatus;
      readonly isLatest: boolean;
      readonly publishedAt: string;
    };
  };
  readonly "import-stored": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly status: ServerStatus;
      readonly statusMessage: string | null;
      readonly statusChangedAt: string;
      readonly publishedAt: string;
      readonly otherValue: string | null;
    };
  };
  readonly "import-update": {
    readonly parameters: readonly [
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (ServerStatus | null | undefined)[] | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      readonly (string | Date | null | undefined)[] | null | undefined,
      readonly (string | Date | null | undefined)[] | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "publish-insert": {
    readonly parameters: readonly [
      string | null | undefined,
      string | null | undefined,
      string | null | undefined,
      string | null | undefined,
      string | null | undefined,
    ];
    readonly row: {
      readonly version: string;
    };
  };
  readonly "registry-latest": {
    readonly parameters: readonly [
      string | null | undefined,
      boolean | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly value: string;
      readonly isLatest: boolean;
      readonly status: ServerStatus;
      readonly statusMessage: string | null;
      readonly publishedAt: string;
      readonly statusChangedAt: string | null;
      readonly updatedAt: string | null;
    };
  };
  readonly "registry-page": {
    readonly parameters: readonly [
      number | string | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly value: string;
      readonly isLatest: boolean;
      readonly status: ServerStatus;
      readonly statusMessage: string | null;
      readonly publishedAt: string;
      readonly statusChangedAt: string | null;
      readonly updatedAt: string | null;
    };
  };
  readonly "registry-snapshot": {
    readonly parameters: readonly [];
    readonly row: {
      readonly snapshot: string | null;
    };
  };
  readonly "registry-version": {
    readonly parameters: readonly [
      string | null | undefined,
      string | null | undefined,
      boolean | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly value: string;
      readonly isLatest: boolean;
      readonly status: ServerStatus;
      readonly statusMessage: string | null;
      readonly publishedAt: string;
      readonly statusChangedAt: string | null;
      readonly updatedAt: string | null;
    };
  };
  readonly "registry-versions": {
    readonly parameters: readonly [
      string | null | undefined,
      boolean | null | undefined,
    ];
    readonly row: {
      readonly name: string;
      readonly version: string;
      readonly value: string;
      readonly isLatest: boolean;
      readonly status: ServerStatus;
      readonly statusMessage: string | null;
      readonly publishedAt: string;
      readonly statusChangedAt: string | null;
      readonly updatedAt: string | null;
    };
  };
  readonly "status-lock": {
    readonly parameters: readonly [
      string | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
  readonly "status-update": {
    readonly parameters: readonly [
      string | null | undefined,
      readonly (string | null | undefined)[] | null | undefined,
      ServerStatus | null | undefined,
      string | null | undefined,
    ];
    readonly row: Record<string, never>;
  };
}
