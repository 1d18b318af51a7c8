#!/usr/bin/env bash
# Build LightGBM's wheel for CUDA from its source on PyPI: lightgbm-cuda.sh FOLDER [CMAKE_DEFINITION …]
# Needs nvcc, NCCL, a C++ compiler and Python with pip. CMAKE_CUDA_ARCHITECTURES=90-real compiles for one kind of GPU alone;
# BUILD_WITH_SHARED_NCCL=ON links libnccl.so in place of libnccl_static.a. NCCL_ROOT names NCCL's folder, if it is no system one.
set -euo pipefail

folder=${1:?FOLDER}
command -v nvcc >/dev/null || { echo "error: nvcc is not on the PATH; install NVIDIA's CUDA toolkit" >&2; exit 2; }
definitions=USE_CUDA=ON
for definition in "${@:2}"; do definitions+=";$definition"; done
export SKBUILD_CMAKE_DEFINE=$definitions
# LightGBM 4.7 looks for NCCL's library there, but does not tell each compilation where the header is.
[ -z "${NCCL_ROOT:-}" ] || export CPATH="$NCCL_ROOT/include${CPATH:+:$CPATH}"
python3 -m pip wheel --no-cache-dir --no-deps --no-binary lightgbm --wheel-dir "$folder" \
  --requirement "$(dirname "$0")/lightgbm-cuda.txt"
