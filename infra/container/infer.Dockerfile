# syntax=docker/dockerfile:1
# The function `infer` of a backbone that is too large for a layer: the same code, ONNX Runtime and backbone in the same folders.
# Lambda runs it as a user of its own, on a read-only root.
ARG LAMBDA_IMAGE
FROM ${LAMBDA_IMAGE}
COPY opt/ /opt/
COPY task/ /var/task/
USER 10001:10001
CMD ["index.handler"]
