#!/usr/bin/env python3
"""The main job on real input: the whole box through a recorded price history, then replayed.

Usage: prices.py daily|depeg [--driver udp|memif] [--lines N] [--keep-journal DIR]
Exit 77 and a line "skipped, because" when the recorded prices are not at hand."""
import argparse
import json
import pathlib
import shutil
import sys

import box

FILES = {"daily": "daily_2018_2021.csv", "depeg": "minute_2023_03_usdc_depeg.csv"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("which", choices=FILES)
    parser.add_argument("--driver", default="udp", choices=["udp", "memif"])
    parser.add_argument("--lines", type=int, default=1)
    parser.add_argument("--keep-journal", type=pathlib.Path)
    arguments = parser.parse_args()
    prices = box.recorded(FILES[arguments.which])
    if prices is None:
        return 77
    run = box.Run(config=arguments.which, driver=arguments.driver, lines=arguments.lines, segments=64)
    try:
        run.start()
        summary = run.finish_world(run.world("--prices", prices))
        box.answered_once(summary)
        stopped = run.stop()
        assert stopped["durable_seq"] == stopped["last_seq"], stopped
        assert stopped["unacknowledged"] == 0, stopped
        again = run.replay()
        assert again["last_seq"] == stopped["last_seq"], (again, stopped)
        assert again["state_digest"] == stopped["state_digest"], (again, stopped)
        run.command("verify", run.data, check=0)
        print(json.dumps({"world": summary, "box": stopped, "replay": again}, indent=1))
        if arguments.keep_journal:
            shutil.copytree(run.data, arguments.keep_journal, dirs_exist_ok=True)
    finally:
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
