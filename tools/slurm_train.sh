#!/usr/bin/env bash
# Train as a Slurm job, one task a GPU:
#
#   [GPUS=16] tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments ...]
#
# GPUS (8), GPUS_PER_NODE (8 at most), CPUS_PER_TASK (5) and SRUN_ARGS, more options of
# srun, are read from the environment. The rest goes to tools/train.py.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3 work_dir=$4
shift 4

gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
if [ -d "$root/mmlung" ]; then # a checkout, installed or not
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
fi

# shellcheck disable=SC2086 # SRUN_ARGS holds several
srun -p "$partition" --job-name "$job_name" --kill-on-bad-exit=1 \
    --gres "gpu:$gpus_per_node" --ntasks "$gpus" --ntasks-per-node "$gpus_per_node" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$here/train.py" "$config" --work-dir "$work_dir" \
    --launcher slurm "$@"
