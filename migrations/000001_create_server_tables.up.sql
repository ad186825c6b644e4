-- The registry's two tables: a server is a name; each version of it carries one document, its server.json.
--
-- COLLATE "C": lists are paged by (name, version), so their order must not depend on the C library of an image.
-- `value` is json, not jsonb: the document is kept byte for byte as it was published and passed through as text.
-- title and description repeat what the document says, for the search; they are written together with it.

CREATE TABLE server (
  name text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT server_pkey PRIMARY KEY (name),
  CONSTRAINT server_name_length CHECK (length(name) BETWEEN 3 AND 200),
  -- namespace/name; each part begins and ends with a letter or a digit.
  CONSTRAINT server_name_form CHECK (
    name ~ '^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?/[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$'
  )
);

CREATE TABLE server_version (
  server_name text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  value json NOT NULL,
  title text,
  description text,
  deprecated boolean NOT NULL DEFAULT false,
  published_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT server_version_pkey PRIMARY KEY (server_name, version),
  CONSTRAINT server_version_server_fkey FOREIGN KEY (server_name) REFERENCES server (name),
  -- In bytes, so that a cursor that holds a version always fits its 2 KB. `latest` is a word of the API.
  CONSTRAINT server_version_version_form CHECK (octet_length(version) BETWEEN 1 AND 255 AND version <> 'latest'),
  CONSTRAINT server_version_value_object CHECK (json_typeof(value) = 'object'),
  CONSTRAINT server_version_times_finite CHECK (isfinite(published_at) AND isfinite(updated_at))
);
