#!/usr/bin/env bash
# arq beside quinn: over loopback, and over an emulated link (two network namespaces joined by TUN devices:
# 40 ms round trip, 100 Mbit/s, a queue of 500 kB, independent loss each way). Needs root for the link.
# usage: run.sh [loopback|link] ; RUNS=5 SECONDS_EACH=10 LOSSES="0 0.001 0.01 0.02 0.05"
set -euo pipefail
cd "$(dirname "$0")"
what=${1:-loopback} runs=${RUNS:-5} each=${SECONDS_EACH:-10} losses=${LOSSES:-0 0.001 0.01 0.02 0.05}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../../target/bench}
cargo build --release --quiet
bench=$(realpath "$CARGO_TARGET_DIR")/release/sockeye-bench-arq
out=$(mktemp -d)
started=()
cleanup() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    if [[ $what == link ]]; then ip netns del sockarqa 2>/dev/null || true; ip netns del sockarqb 2>/dev/null || true; fi
    rm -r "$out"
}
trap cleanup EXIT

# once PREFIX_RECEIVER PREFIX_SENDER TRANSPORT ADDRESS CONGESTION
once() {
    $1 "$bench" receive "$3" "$4" >"$out/receiver" 2>&1 &
    local receiver=$!
    started+=("$receiver")
    sleep 0.5
    local sender
    sender=$($2 "$bench" send "$3" "$4" "$each" "$5" 2>&1 | tail -1)
    for _ in 1 2 3 4 5 6; do kill -0 "$receiver" 2>/dev/null && sleep 0.5; done
    kill "$receiver" 2>/dev/null || true
    wait "$receiver" 2>/dev/null || true
    echo "$5 $(cat "$out/receiver"); $sender"
}

if [[ $what == loopback ]]; then
    for ((i = 0; i < runs; i++)); do
        for transport in arq quinn; do once "" "" $transport 127.0.0.1:$((47200 + i)) cubic; done
    done
    exit
fi
port=47300
for loss in $losses; do
    ip netns add sockarqa
    ip netns add sockarqb
    "$bench" link sockarqa sockarqb 100 20 500000 "$loss" >"$out/link" &
    link=$!
    started+=("$link")
    until grep -q ready "$out/link"; do sleep 0.1; done
    echo "loss $loss"
    for ((i = 0; i < runs; i++)); do
        for transport in ${TRANSPORTS:-arq quinn}; do
            for congestion in ${CONGESTION:-cubic bbr}; do
                once "ip netns exec sockarqb" "ip netns exec sockarqa" $transport 10.99.0.2:$((port++)) $congestion
            done
        done
    done
    kill $link
    wait $link 2>/dev/null || true
    ip netns del sockarqa
    ip netns del sockarqb
done
