#!/usr/bin/env python3
"""Goal P2: the journal writer's commits against fio with the same pattern, interleaved.

Each round runs our side (`clearbox bench journal -C DIR -o json`), then fio three ways on a file of zeros that was written
before, in the same directory: psync with O_DSYNC, io_uring with fdatasync after each write, and io_uring with four O_DSYNC
writes in flight. Per frame size the best fio engine by rate is what our medians are compared to, and its p99 to ours.
fio writes bytes that are ready; our side also encodes records, computes a CRC-32C and a SHA-256 chain over each frame.

  tests/bench/journal_fio.py --ours "build/release/clearbox bench journal -C {dir} -o json" --dir DIR
"""
import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys

SIZES_KIB = (4, 32, 512)
ENGINES = {
    "psync_dsync": ["--ioengine=psync", "--sync=dsync"],
    "uring_fdatasync": ["--ioengine=io_uring", "--fdatasync=1", "--iodepth=1"],
    "uring_dsync_depth4": ["--ioengine=io_uring", "--sync=dsync", "--iodepth=4"],
}
FILE_BYTES = 128 << 20


def prepare(path):
    with open(path, "wb") as file:
        for _ in range(FILE_BYTES >> 20):
            file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())


def fio(path, engine, size_kib, seconds):
    line = ["fio", "--name=journal", f"--filename={path}", f"--size={FILE_BYTES}", f"--bs={size_kib}k", "--rw=write",
            "--direct=1", "--overwrite=1", "--time_based=1", f"--runtime={seconds}", "--fallocate=none",
            "--output-format=json", *ENGINES[engine]]
    out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    job = json.loads(out[out.index("{"):])["jobs"][0]
    write, sync = job["write"], job.get("sync", {})
    # With fdatasync a commit is the write and its sync; fio reports the two apart, and percentiles do not add exactly.
    p99 = write["clat_ns"]["percentile"]["99.000000"]
    if "fdatasync" in engine:
        p99 += sync["lat_ns"]["percentile"]["99.000000"]
    return {"per_second": write["total_ios"] / (write["runtime"] / 1000), "p99_ns": p99}


def ours(template, directory):
    out = subprocess.run(shlex.split(template.format(dir=directory)), check=True, capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])["figures"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    arguments = parser.parse_args()
    if shutil.which("fio") is None:
        print("skipped, because fio is not installed", file=sys.stderr)
        return 77
    path = os.path.join(arguments.dir, "fio.bench")
    prepare(path)
    result = {"goal": "P2", "rounds": arguments.rounds, "load_average": os.getloadavg()}
    rounds, reference = [], {size: {engine: [] for engine in ENGINES} for size in SIZES_KIB}
    try:
        for number in range(arguments.rounds):
            rounds.append(ours(arguments.ours, arguments.dir))
            for size in SIZES_KIB:
                for engine in ENGINES:
                    reference[size][engine].append(fio(path, engine, size, arguments.seconds))
            print(f"round {number + 1}/{arguments.rounds}", file=sys.stderr, flush=True)
    finally:
        os.unlink(path)
    for size in SIZES_KIB:
        medians = {engine: {key: statistics.median(r[key] for r in runs) for key in ("per_second", "p99_ns")}
                   for engine, runs in reference[size].items()}
        one = [engine for engine in ENGINES if "depth4" not in engine]
        best = max(one, key=lambda engine: medians[engine]["per_second"])
        row = {"fio": medians, "best_fio_one_in_flight": best}
        for driver in ("uring", "file"):
            rate = statistics.median(r[f"{driver}_commits_{size}_KiB"]["median"] for r in rounds)
            p99 = statistics.median(r[f"{driver}_commit_latency_{size}_KiB"]["p99"] for r in rounds)
            row[driver] = {"per_second": rate, "ratio": rate / medians[best]["per_second"], "p99_ns": p99,
                           "p99_ratio": p99 / medians[best]["p99_ns"]}
            if size == 512:
                stream = statistics.median(r[f"{driver}_stream_four_in_flight_512_KiB"]["median"] for r in rounds)
                row[driver]["stream_per_second"] = stream
                row[driver]["stream_ratio"] = stream / max(m["per_second"] for m in medians.values())
        result[f"{size}_KiB"] = row
    result["replay_per_second"] = statistics.median(r["replay"]["median"] for r in rounds)
    result["load_average_at_end"] = os.getloadavg()
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
