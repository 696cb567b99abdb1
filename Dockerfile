# syntax=docker/dockerfile:1
#
# `nervecenter collector` as an image: dashboard, API and /metrics on 9464, OTLP on 4318 (HTTP) and 4317 (gRPC).
#
#   docker build --tag nervecenter .
#   docker build --tag nervecenter --build-arg OMIT="dev optional" .   without embedded Postgres, for those who bring theirs
#
# docs/deployment.md says how to run it.

FROM node:24-slim AS build
WORKDIR /app
# First what changes seldom: the packages are installed again only when the lockfile is another one. No package's scripts run.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY migrations migrations
COPY scripts scripts
COPY src src
COPY dashboards/web dashboards/web
RUN npm run build

FROM node:24-slim AS packages
ARG OMIT=dev
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts $(for kind in $OMIT; do echo "--omit=$kind"; done)

FROM node:24-slim
ENV NODE_ENV=production
# As the collector would set it, and start anew.
ENV MALLOC_ARENA_MAX=1
# Inside a container the loopback is nobody else's; who may connect is decided by what is published.
ENV NERVECENTER_HOST=0.0.0.0
# Spool, the token made at the first start, and embedded storage. Beside it only /tmp is written to.
ENV NERVECENTER_DATA_DIR=/var/lib/nervecenter
WORKDIR /app
RUN mkdir /var/lib/nervecenter && chown 1000:1000 /var/lib/nervecenter && chmod 700 /var/lib/nervecenter
COPY LICENSE package.json ./
COPY migrations migrations
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
# By number, so that Kubernetes can see that it is not root: `node` of the base image.
USER 1000:1000
VOLUME /var/lib/nervecenter
EXPOSE 9464 4318 4317
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["node", "--eval", "require(process.env.NERVECENTER_TLS_CERT ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.NERVECENTER_PORT || 9464, path: '/api/metrics/health', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=2", "/app/dist/cli.js"]
CMD ["collector"]
