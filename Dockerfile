# The image of Formstead: Node, what it is linked to, and the program. No shell, no package manager, no other user's files.
#
#   deploy/build          builds it under a tag that is never given twice
#
# NODE_IMAGE only builds: it brings npm, a C library and its loader. The Node that runs is the one of package-lock.json, with
# which the tests ran. Pin it by digest where a registry is at hand: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
SHELL ["/bin/sh", "-euc"]
# strip, for 29 MB of debugging symbols
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY deploy/image /image
# all: with llama.cpp and ONNX Runtime, which run models. none: without, 80 MB less; rules, trained heads and templates do all the work.
ARG AI=all
RUN /image/models "$AI" \
 && mkdir -p /root-of-image/usr/local/bin \
 && cp node_modules/node-linux-*/bin/node /root-of-image/usr/local/bin/node \
 && strip --strip-unneeded /root-of-image/usr/local/bin/node \
 && /image/sbom >sbom.cdx.json \
 && /image/prune node_modules \
 && /image/libraries /root-of-image /app/node_modules /root-of-image/usr/local/bin/node
COPY LICENSE ./
# For a look at everything at work: formstead demo --url
COPY examples ./examples
COPY src ./src
# The process looks its user and host names up; tmp and data belong to it, everything else to root.
RUN /image/warm /root-of-image/usr/local/bin/node /app \
 && mkdir -p /root-of-image/etc /root-of-image/tmp /root-of-image/data/models \
 && printf 'formstead:x:10001:10001::/data:/sbin/nologin\n' >/root-of-image/etc/passwd \
 && printf 'formstead:x:10001:\n' >/root-of-image/etc/group \
 && printf 'hosts: files dns\n' >/root-of-image/etc/nsswitch.conf \
 && chown -R 10001:10001 /root-of-image/data /root-of-image/tmp \
 && chmod 0700 /root-of-image/data /root-of-image/data/models \
 && mv /app /root-of-image/app \
 && chmod -R u=rwX,go=rX /root-of-image/app \
 && test -z "$(find /root-of-image -perm /6000)"

FROM scratch
COPY --from=build /root-of-image /
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    FORMSTEAD_HOST=0.0.0.0 \
    FORMSTEAD_METRICS_HOST=0.0.0.0 \
    FORMSTEAD_METRICS_PORT=9464 \
    FORMSTEAD_DATA_DIR=/data
WORKDIR /data
USER 10001:10001
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=3 CMD ["node", "/app/src/cli/main.js", "health"]
# As npm start does it: what lives for one request has 34 MB, not the 134 MB that V8 takes for it under load (npm run bench:accept: as many a second, 50 to 80 MB less).
ENTRYPOINT ["node", "--max-semi-space-size=16", "/app/src/cli/main.js"]
CMD ["serve"]
# Last, so that a new version alone builds nothing anew.
ARG VERSION
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Formstead" \
      org.opencontainers.image.description="A self-hosted form backend" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="scratch" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
