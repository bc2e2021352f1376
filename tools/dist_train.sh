#!/usr/bin/env bash
# Train in several processes of one machine or of several, one process a GPU
# (or on CPUs, where there is no GPU):
#
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.1.1.1 PORT=29500 tools/dist_train.sh CONFIG 8
#
# GPUS is the number of processes on this machine. On several machines start it on each,
# with its own NODE_RANK (0 is the one at MASTER_ADDR).
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/rendezvous.sh"

torchrun_here "$gpus" "$here/train.py" "$config" --launcher pytorch "$@"
