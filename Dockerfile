# Kumpas with TensorFlow's native library inside: a container starts without a download and without a compiler.
#   docker build -t kumpas .                                        for processors (x86-64 with AVX2)
#   docker build -t kumpas:gpu --build-arg KUMPAS_BACKEND=gpu .     for NVIDIA's GPUs too; CUDA's packages are about 3 GB
#   docker build -t kumpas --build-arg KUMPAS_PROCESSOR=native .    for the very processor that builds it, or for others than x86-64
#   docker run --rm -v "$PWD:/work" kumpas train --data clips/
# docs/container.md tells more.

FROM node:24-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/kumpas
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
ARG KUMPAS_BACKEND=cpu
ARG KUMPAS_PROCESSOR=x86-64-v3
ENV KUMPAS_BACKEND=$KUMPAS_BACKEND KUMPAS_PROCESSOR=$KUMPAS_PROCESSOR KUMPAS_CACHE=/opt/cache
RUN npm run setup
RUN npm run build
# Images keep times in whole seconds: what is looked at at every start must have such a time before it is stamped.
RUN find /opt/cache -type f -exec touch --date=@1700000000 {} + \
 && npm run setup \
 && npm prune --omit=dev \
 && rm package-lock.json

FROM node:24-bookworm-slim
ARG KUMPAS_BACKEND=cpu
ARG KUMPAS_PROCESSOR=x86-64-v3
ENV NODE_ENV=production \
    KUMPAS_BACKEND=$KUMPAS_BACKEND \
    KUMPAS_PROCESSOR=$KUMPAS_PROCESSOR \
    KUMPAS_CACHE=/opt/cache \
    HOME=/home/node
WORKDIR /opt/kumpas
COPY --from=build --chown=node:node /opt/cache /opt/cache
COPY --from=build /opt/kumpas/package.json ./
COPY --from=build /opt/kumpas/node_modules ./node_modules
COPY --from=build /opt/kumpas/scripts ./scripts
COPY --from=build /opt/kumpas/src/engine ./src/engine
COPY --from=build /opt/kumpas/src/extraction ./src/extraction
COPY --from=build /opt/kumpas/configs ./configs
COPY --from=build /opt/kumpas/dist ./dist
RUN mkdir /work && chown node:node /work
# By its number, so that Kubernetes sees that it is not root.
USER 1000
WORKDIR /work
ENTRYPOINT ["node", "/opt/kumpas/scripts/run.js"]
CMD ["--help"]
