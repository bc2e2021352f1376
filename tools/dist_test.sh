#!/usr/bin/env bash
# Test in several processes, one a GPU (or on CPUs, where there is no GPU):
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
#
# GPUS is the number of processes on this machine. For several machines see
# tools/dist_train.sh.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/rendezvous.sh"

torchrun_here "$gpus" "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
