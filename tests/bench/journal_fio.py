#!/usr/bin/env python3
"""Compare the journal with fio on the same directory, in the same minutes.

usage: journal_fio.py BENCH_JOURNAL DIR [--commits N] [--rounds N] [--seconds S]

Each round runs the journal bench once and fio once per (engine, block size), one after the other, so that a disturbed
machine disturbs both. fio overwrites a file that was written before, with O_DIRECT, one write at a time, made
durable each: the best of psync and io_uring with fdatasync=1 and psync with O_DSYNC is what the journal is held against.
Medians over the rounds are printed. A commit of fio's is its write and its sync: with fdatasync=1 its p99 is taken as
the sum of both p99, which is not below the real one; the O_DSYNC engine's is exact.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = {"4KiB": 4, "32KiB": 32, "512KiB": 512}
ENGINES = {
    "psync+fdatasync": ["--ioengine=psync", "--fdatasync=1"],
    "io_uring+fdatasync": ["--ioengine=io_uring", "--fdatasync=1", "--iodepth=1"],
    "psync+dsync": ["--ioengine=psync", "--sync=dsync"],
}


def fio(path, size_kib, options, seconds):
    command = ["fio", "--name=commit", f"--filename={path}", "--rw=write", f"--bs={size_kib}k", "--direct=1",
               "--overwrite=1", "--size=256m", "--time_based", f"--runtime={seconds}", "--output-format=json",
               *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    job = json.loads(done.stdout)["jobs"][0]
    write = job["write"]
    p50 = write["clat_ns"]["percentile"]["50.000000"]
    p99 = write["clat_ns"]["percentile"]["99.000000"]
    sync = job.get("sync", {}).get("lat_ns", {}).get("percentile")
    if sync:
        p50 += sync["50.000000"]
        p99 += sync["99.000000"]
    return {"rate": write["iops"], "p50": p50 / 1e3, "p99": p99 / 1e3}


def journal(program, directory, commits):
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        done = subprocess.run([program, f"{folder}/journal", str(commits)], capture_output=True, text=True, check=True)
    rows = {}
    for line in done.stdout.splitlines():
        if line.startswith("#"):
            print(line)
            continue
        words = line.split()
        values = dict(zip(words[2::2], words[3::2]))
        rows[words[0], words[1]] = {"rate": float(values["commits/s"]), "records": float(values["records/s"]),
                                    "p50": float(values["p50_us"]), "p99": float(values["p99_us"])}
    return rows


def median(samples, key):
    return statistics.median(sample[key] for sample in samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    if shutil.which("fio") is None:
        sys.exit("skipped, because: fio is not installed")
    ours, theirs = {}, {}
    with tempfile.NamedTemporaryFile(dir=arguments.directory) as target:
        subprocess.run(["dd", "if=/dev/zero", f"of={target.name}", "bs=1M", "count=256", "conv=fsync,notrunc",
                        "status=none"], check=True)
        for _ in range(arguments.rounds):
            for key, row in journal(arguments.program, arguments.directory, arguments.commits).items():
                ours.setdefault(key, []).append(row)
            for size, kib in SIZES.items():
                for engine, options in ENGINES.items():
                    row = fio(target.name, kib, options, arguments.seconds)
                    if row is not None:
                        theirs.setdefault((size, engine), []).append(row)
    print(f"{'what':34} {'commits/s':>10} {'p50 us':>9} {'p99 us':>9}")
    for (size, engine), samples in sorted(theirs.items()):
        print(f"{'fio ' + engine + ' ' + size:34} {median(samples, 'rate'):10.0f} {median(samples, 'p50'):9.1f} "
              f"{median(samples, 'p99'):9.1f}")
    for (driver, size), samples in sorted(ours.items()):
        line = (f"{'journal ' + driver + ' ' + size:34} {median(samples, 'rate'):10.0f} {median(samples, 'p50'):9.1f} "
                f"{median(samples, 'p99'):9.1f}")
        base = size.split("-")[0]
        best = max((rows for (fio_size, _), rows in theirs.items() if fio_size == base),
                   key=lambda rows: median(rows, "rate"), default=None)
        if best is not None:
            line += (f"   {median(samples, 'rate') / median(best, 'rate'):5.2f} of the best fio rate, "
                     f"p99 {median(samples, 'p99') / median(best, 'p99'):5.2f} of its")
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
