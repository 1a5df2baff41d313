#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# One process a GPU; without a GPU the processes share the CPU over gloo.
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
set -euo pipefail
if [ $# -lt 2 ]; then sed -n 2,4p "$0" >&2; exit 2; fi
CONFIG=$1
PROCESSES=$2
shift 2
TOOLS=$(cd "$(dirname "$0")" && pwd)
# On one machine torchrun finds a free port, so that two runs do not meet on the same one.
WHERE=(--standalone)
if [ -n "${NNODES:-}${PORT:-}" ]; then
    WHERE=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}")
fi
PYTHONPATH="$TOOLS/..:${PYTHONPATH:-}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${WHERE[@]}" --nproc_per_node="$PROCESSES" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "$@"
