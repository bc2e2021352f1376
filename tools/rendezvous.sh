# For dist_train.sh and dist_test.sh: start a script under torchrun.

# torchrun_here PROCESSES SCRIPT [ARGUMENT...]
#
# One machine needs no address: torchrun finds a free port, so two trainings do not
# collide. NNODES, NODE_RANK, MASTER_ADDR and PORT are OpenMMLab's.
torchrun_here() {
    local processes=$1
    shift
    local where=(--standalone)
    if [ "${NNODES:-1}" -gt 1 ] || [ -n "${PORT:-}" ]; then
        where=(
            --nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
            --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}"
        )
    fi
    local root
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    if [ -d "$root/mmlung" ]; then # a checkout, installed or not
        export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    fi
    "${PYTHON:-python}" -m torch.distributed.run "${where[@]}" \
        --nproc_per_node "$processes" "$@"
}
