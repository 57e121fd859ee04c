# Fanfare for production. The embedded PostgreSQL is left out: DATABASE_URL is required.
#
#   docker build -t fanfare .
#   docker run --rm -p 3000:3000 -e DATABASE_URL=postgres://… -e BOOTSTRAP_API_KEY=… fanfare
#   docker run --rm -e DATABASE_URL=postgres://… fanfare audit

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages too: the compiler's own binary is one.
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY tools/setup.mjs tools/bundle.mjs ./tools/
COPY server ./server
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && rm dist/.tsbuildinfo \
  && node tools/bundle.mjs
# Of the sources only the SQL functions are read at run time, by the migrator.
RUN mkdir /sql && find server -name '*.fn.sql' -exec cp --parents {} /sql/ ';'

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DEMO=0
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force
COPY bin ./bin
COPY tools/setup.mjs ./tools/setup.mjs
COPY db ./db
COPY LICENSE ./
COPY --from=build /app/dist ./dist
COPY --from=build /sql/server ./server
# Nothing below /app is written at run time.
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/fanfare.mjs"]
CMD ["start"]
