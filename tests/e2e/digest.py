#!/usr/bin/env python3
"""The same journals through programs of different compilers and options: one digest each.

Usage: digest.py PROGRAM PROGRAM... -- DIR DIR...  (the first program made the journals)"""
import json
import subprocess
import sys


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    cut = sys.argv.index("--")
    programs, folders = sys.argv[1:cut], sys.argv[cut + 1:]
    if len(programs) < 2 or not folders:
        sys.exit(__doc__)
    for folder in folders:
        digests = {}
        for program in programs:
            done = subprocess.run([program, "replay", folder, "-o", "json"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{program} replay {folder}: exit {done.returncode}\n{done.stderr}")
            answer = json.loads(done.stdout)
            digests[program] = (answer["last_seq"], answer["state_digest"])
            print(f"{folder}: {program}: {answer['records']} records, {answer['state_digest']}, {answer['seconds']:.3f} s")
        if len(set(digests.values())) != 1:
            sys.exit(f"{folder}: the digests differ: {digests}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
