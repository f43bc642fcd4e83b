#!/usr/bin/env python3
"""What a user can do wrong, and what a disk can: each gives its code and its exit, names the place, and loses nothing."""
import hashlib
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import box

FAILED = []


def case(function):
    try:
        function()
        print(f"ok      {function.__name__.replace('_', ' ')}")
    except Exception as error:  # every case is tried, whatever the one before did
        FAILED.append(function.__name__)
        print(f"FAILED  {function.__name__.replace('_', ' ')}: {error}")


def expect(done, code, *words):
    assert done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    for word in words:
        assert word in done.stderr, f"{word!r} is not in: {done.stderr}"


def segments(run):
    return sorted((run.data / "journal").glob("seg-*.cbj"))


def fingerprint(run):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in segments(run)]


def used(steps=60, **keys):
    """A box that has lived a short life, and stopped."""
    run = box.Run(config="demo", **keys)
    run.start()
    run.finish_world(run.world("--steps", steps))
    return run, run.stop()


def run_box(run, *words, **keys):
    return subprocess.run([box.program(), "run", "-c", str(run.config), "-C", str(run.data), "--development", *words],
                          cwd=box.ROOT, capture_output=True, text=True, timeout=60, check=False, **keys)


def a_missing_configuration_is_named():
    run = box.Run(config="demo")
    expect(run.command("run", "-c", run.folder / "nowhere.yaml", "-C", run.data), 3, "CB3001", "nowhere.yaml")
    expect(run.command("run", "-c", run.folder, "-C", run.data), 3, "CB3001")
    assert not run.data.exists(), "nothing was made"
    run.close()


def an_unknown_key_is_refused_with_its_place_and_a_suggestion():
    run = box.Run(config="demo", edit=lambda text: text.replace("segments:", "segmets:", 1))
    line = next(i for i, text in enumerate(run.config.read_text().splitlines(), 1) if "segmets:" in text)
    done = run_box(run)
    expect(done, 3, "CB3003", f"box.yaml:{line}:", 'did you mean "segments"', "^")
    run.close()


def an_unknown_command_or_option_is_refused_with_a_suggestion():
    run = box.Run(config="demo")
    expect(run.command("rum"), 2, "CB2001", 'did you mean "run"')
    expect(run.command("run", "--confg", "x"), 2, "CB2002", "--config")
    run.close()


def a_folder_without_a_journal_is_said_to_have_none():
    with tempfile.TemporaryDirectory() as empty:
        run = box.Run(config="demo")
        for command in ("replay", "verify", "dump", "snapshot"):
            expect(run.command(command, empty), 4, "CB4005", "holds no journal")
        expect(run.command("replay", empty + "/nowhere"), 4, "CB4005", "No such file")
        run.close()


def a_journal_of_another_cluster_is_refused_and_not_changed():
    run, _ = used()
    before = fingerprint(run)
    text = run.config.read_text()
    run.config.write_text(re.sub(r"^cluster: \d+", "cluster: 99", text, flags=re.M))
    expect(run_box(run), 5, "CB5003", "99")
    assert fingerprint(run) == before
    run.close()


def a_configuration_that_would_change_state_is_refused_and_nothing_changed():
    run, _ = used()
    before = fingerprint(run)
    run.config.write_text(run.config.read_text().replace('maintenance: "0.8"', 'maintenance: "0.7"'))
    expect(run_box(run), 3, "CB3010", "begun with")
    assert fingerprint(run) == before
    run.close()


def a_damaged_journal_is_found_by_verify_and_refused_by_run_and_replay():
    run, _ = used()
    path = segments(run)[0]
    data = bytearray(path.read_bytes())
    place = 4096 + 200  # inside the second frame, long since acknowledged
    data[place] ^= 1
    path.write_bytes(data)
    before = fingerprint(run)
    expect(run.command("verify", run.data), 5, "CB5001", "seg-0000.cbj", "offset 0x")
    expect(run.command("replay", run.data), 5, "CB5001")
    expect(run_box(run), 5, "CB5001", "Nothing was changed")
    assert fingerprint(run) == before
    run.close()


def a_journal_that_lost_its_last_segment_is_refused():
    run, _ = used()
    segments(run)[-1].unlink()
    before = fingerprint(run)
    expect(run_box(run), 4, "CB4005", "15 of 16 segments")
    assert fingerprint(run) == before
    run.close()


def a_second_box_on_the_same_journal_is_refused():
    run = box.Run(config="demo")
    run.start()
    expect(run_box(run), 4, "CB4005")
    run.stop()
    run.close()


def a_disk_that_fails_ends_the_box_and_loses_nothing_that_was_answered():
    run, _ = used()
    limit = 4096  # the next frame lies behind it
    done = run_box(run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert done.returncode in (1, 4), f"exit {done.returncode}: {done.stderr}"
    assert "CB1003" in done.stderr or "CB4005" in done.stderr, done.stderr
    first = run.replay()
    run.start()
    run.finish_world(run.world("--steps", 20, "--seed", "77"))
    stopped = run.stop()
    assert stopped["last_seq"] > first["last_seq"]
    assert run.replay()["state_digest"] == stopped["state_digest"]
    run.close()


def a_disk_without_room_for_the_journal_is_told_at_the_start():
    run = box.Run(config="demo", segments=16, segment_mib=1)
    run.data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(run.data)], capture_output=True,
                             check=False)
    if mounted.returncode != 0:  # not root, or root of a container
        print("skipped, because a small tmpfs could not be mounted: a full disk at the start")
        run.close()
        return
    try:
        expect(run_box(run), 4, "CB4005", "No space left")
    finally:
        subprocess.run(["umount", str(run.data)], check=True)
        run.close()


def a_price_file_with_an_unknown_factor_is_named_with_its_line():
    run = box.Run(config="demo")
    prices = run.folder / "prices.csv"
    prices.write_text("time,factor,price\n2026-01-02T00:00:00Z,BTC,10000\n2026-01-02T00:00:00Z,XYZ,1\n")
    run.start()
    done = run.command("gen", "-c", run.config, "--prices", prices)
    assert done.returncode == 2, done
    assert "prices.csv:3" in done.stdout + done.stderr and "XYZ" in done.stdout + done.stderr, done
    run.stop()
    run.close()


def main():
    for name, function in list(globals().items()):
        if callable(function) and name.startswith(("a_", "an_")):
            case(function)
    print(f"{len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
