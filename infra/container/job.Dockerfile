# syntax=docker/dockerfile:1
# The container that tunes a job. `npm run image -- context` lays out what is copied here, `-- build` gives the bases by digest
# (base-images.json). Targets: cpu, gpu.
ARG NODE_IMAGE
ARG CUDA_IMAGE

FROM ${NODE_IMAGE} AS installed
WORKDIR /app
# Lock file, package.json files and the steps alone: what is installed is kept while only sources change.
COPY manifests/ ./
RUN node infra/container/steps.ts install

FROM installed AS cpu-app
COPY sources/ ./
COPY backbones/ /opt/kilotune/backbones/
RUN node infra/container/steps.ts prune \
 && node infra/container/steps.ts sbom /opt/kilotune/backbones /app/sbom.json \
 && node infra/container/steps.ts verify /opt/kilotune/backbones \
 && chmod -R a+rX /app /opt/kilotune

# ONNX Runtime's CUDA libraries come from outside of npm: here alone, and checked.
FROM installed AS with-cuda
RUN node infra/container/steps.ts cuda

FROM with-cuda AS gpu-app
COPY sources/ ./
COPY backbones/ /opt/kilotune/backbones/
RUN node infra/container/steps.ts prune \
 && node infra/container/steps.ts sbom /opt/kilotune/backbones /app/sbom.json \
 && node infra/container/steps.ts verify /opt/kilotune/backbones \
 && chmod -R a+rX /app /opt/kilotune

FROM ${NODE_IMAGE} AS cpu
# Owned by root and read by all: the job's user can change nothing of it. /scratch is the one place that it may write to.
RUN install -d -o 10001 -g 10001 -m 0700 /scratch
COPY --from=cpu-app /app /app
COPY --from=cpu-app /opt/kilotune /opt/kilotune
WORKDIR /app
VOLUME /scratch
ENV NODE_ENV=production \
    TMPDIR=/scratch \
    HOME=/scratch \
    KILOTUNE_BACKBONE_DIR=/opt/kilotune/backbones \
    POWERTOOLS_SERVICE_NAME=tune
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "packages/aws/src/container/main.ts"]

FROM ${CUDA_IMAGE} AS gpu
RUN install -d -o 10001 -g 10001 -m 0700 /scratch
COPY --from=installed /usr/local/bin/node /usr/local/bin/node
COPY --from=gpu-app /app /app
COPY --from=gpu-app /opt/kilotune /opt/kilotune
WORKDIR /app
VOLUME /scratch
# Products in full single precision: the card's shorter one would make other bits than the CPU by a thousandth.
ENV NODE_ENV=production \
    NVIDIA_TF32_OVERRIDE=0 \
    TMPDIR=/scratch \
    HOME=/scratch \
    KILOTUNE_BACKBONE_DIR=/opt/kilotune/backbones \
    POWERTOOLS_SERVICE_NAME=tune
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "packages/aws/src/container/main.ts"]
