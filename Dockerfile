# The development image: every tool, TypeScript straight from the source, restart on change. docker-compose.yml mounts
# app/, scripts/ and migrations/ over the copies in here; node_modules is the image's own, never the host's.

ARG NODE_IMAGE=node:24-trixie-slim
FROM ${NODE_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends git postgresql-client procps shellcheck \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node /app \
 && ln -s /app/docker-entrypoint.sh /usr/local/bin/migrate \
 && ln -s /app/docker-entrypoint.sh /usr/local/bin/registry

WORKDIR /app
USER node
COPY --chown=node:node package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY --chown=node:node . .

ENV HEADGATE_RUN=watch
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/docker-entrypoint.sh"]
CMD ["serve"]
