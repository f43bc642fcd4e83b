#!/usr/bin/env python3
"""Snapshots, retention and what can go wrong with them: a small journal that goes round many times, archived or deleted;
damage to a snapshot; a journal that lost its end; a full archive; a snapshotter that dies; kill -9 in between."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import box

FAILED = []


def case(function):
    started = time.monotonic()
    try:
        function()
        print(f"ok      {function.__name__.replace('_', ' ')} ({time.monotonic() - started:.1f} s)", flush=True)
    except Exception as error:  # every case is tried, whatever the one before did
        FAILED.append(function.__name__)
        print(f"FAILED  {function.__name__.replace('_', ' ')}: {error}", flush=True)


def run_of(retain, segments=8):
    """A box whose journal is a few MiB, with a snapshot every 4,000 records."""
    def edit(text):
        text = re.sub(r"^(  retain:).*$", rf"\1 {retain}", text, flags=re.M)
        return re.sub(r"^(  snapshot_records:).*$", r"\1 4000", text, flags=re.M)
    return box.Run(config="demo", segment_mib=1, segments=segments, edit=edit)


def wait_for(what, condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.05)


def live(run, steps, seed, wanted=0):
    """One life of the box; it ends when there are so many snapshots."""
    run.start()
    box.answered_once(run.finish_world(run.world("--steps", steps, "--seed", seed)))
    wait_for("snapshots", lambda: len(snapshots(run)) >= wanted)
    return run.stop()


def snapshots(run):
    return sorted((run.data / "journal/snapshots").glob("snap-*.cbs"))


def lived(retain):
    """Enough lives that the first segments are gone from the slots. Returns the run and what the last life said."""
    run = run_of(retain)
    for seed in range(1, 13):
        stopped = live(run, 900, seed, wanted=min(seed, 2))
        first = json.loads(run.command("verify", run.data, "-o", "json", check=0).stdout)
        if first["first_seq"] > 1:
            break
    assert first["first_seq"] > 1, f"the journal never went round: {first}"
    assert len(snapshots(run)) >= 2, snapshots(run)
    return run, stopped


def with_an_archive_a_replay_begins_with_the_first_record():
    run, stopped = lived("archive")
    again = run.replay()
    assert again["begun_at"] == 0 and again["last_seq"] == stopped["last_seq"], again
    assert again["state_digest"] == stopped["state_digest"], (again, stopped)
    assert "archived segments" in run.command("verify", run.data, check=0).stdout
    begun = run.command("replay", run.data, "--snapshot", snapshots(run)[0], "-o", "json", check=0)
    assert json.loads(begun.stdout)["state_digest"] == stopped["state_digest"]
    run.close()


def damage_in_the_archive_is_found_by_verify_and_by_replay():
    run, _ = lived("archive")
    path = sorted((run.data / "journal/archive").glob("gen-*.cbj"))[0]
    data = bytearray(path.read_bytes())
    data[4096 + 300] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    assert "CB5001" in run.command("verify", run.data, check=5).stderr
    assert "CB5001" in run.command("replay", run.data, check=5).stderr
    run.close()


def without_an_archive_a_replay_begins_with_the_oldest_snapshot():
    run, stopped = lived("delete")
    assert not (run.data / "journal/archive").exists()
    again = run.replay()
    assert again["begun_at"] > 0 and again["state_digest"] == stopped["state_digest"], (again, stopped)
    assert "first records are gone" in run.command("replay", run.data, check=0).stdout
    run.command("verify", run.data, check=0)
    shown = run.command("dump", run.data, "--from", stopped["last_seq"] - 5, check=0).stdout
    assert str(stopped["last_seq"]) in shown, shown
    run.close()


def without_an_archive_and_without_snapshots_nothing_begins():
    run, _ = lived("delete")
    shutil.rmtree(run.data / "journal/snapshots")
    assert "first records are not there" in run.command("replay", run.data, check=5).stderr
    done = run.command("run", "-c", run.config, "-C", run.data, "--development", check=5, timeout=60)
    assert "CB5001" in done.stderr, done.stderr
    run.close()


def a_damaged_snapshot_is_put_aside_and_an_older_one_used():
    run, stopped = lived("delete")
    newest = snapshots(run)[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 4
    newest.write_bytes(data)
    again = live(run, 50, 77)
    assert again["last_seq"] > stopped["last_seq"]
    errors = run.errors.read_text()
    assert "CB5006" in errors and newest.name in errors and ".bad" in errors, errors
    assert newest.with_name(newest.name + ".bad").exists()
    assert run.replay()["state_digest"] == again["state_digest"]
    run.close()


def a_journal_that_lost_its_end_is_refused():
    run = run_of("archive")
    live(run, 100, 1)
    assert not snapshots(run)
    earlier = run.folder / "earlier"
    shutil.copytree(run.data / "journal", earlier)
    live(run, 900, 2, wanted=1)
    for path in (run.data / "journal").glob("seg-*.cbj"):
        shutil.copy(earlier / path.name, path)
    shutil.rmtree(run.data / "journal/archive", ignore_errors=True)
    before = [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((run.data / "journal").glob("seg-*"))]
    done = run.command("run", "-c", run.config, "-C", run.data, "--development", check=5, timeout=60)
    assert "CB5006" in done.stderr and "lost its end" in done.stderr, done.stderr
    assert before == [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((run.data / "journal").glob("seg-*"))]
    run.close()


def snapshots_beside_a_new_journal_are_refused():
    run = run_of("archive")
    live(run, 900, 1, wanted=1)
    for path in (run.data / "journal").glob("seg-*.cbj"):
        path.unlink()
    done = run.command("run", "-c", run.config, "-C", run.data, "--development", check=5, timeout=60)
    assert "CB5006" in done.stderr, done.stderr
    run.close()


def child_of(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in out.stdout.split()]


def following(run):
    """Snapshotters of this journal, whoever is their parent."""
    out = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if f"snapshot {run.data}" in line and " Z" not in line]


def a_snapshotter_that_dies_is_started_again_and_a_killed_box_takes_it_along():
    run = run_of("archive")
    run.start()
    wait_for("a snapshotter", lambda: child_of(run.box.pid))
    first = child_of(run.box.pid)[0]
    files = [os.readlink(f"/proc/{first}/fd/{name}") for name in os.listdir(f"/proc/{first}/fd")]
    assert not [name for name in files if "socket" in name or "io_uring" in name], files
    os.kill(first, signal.SIGKILL)
    wait_for("another one", lambda: [pid for pid in child_of(run.box.pid) if pid != first])
    assert "CB1006" in run.errors.read_text(), run.errors.read_text()
    second = child_of(run.box.pid)[0]
    box.pause(0.3)
    run.kill()
    wait_for("the end of the orphan", lambda: not following(run), 10)
    for wait in (0.0, 0.001, 0.003, 0.01, 0.03):  # before it could ask to be told of the box's end, and after
        run.start()
        box.pause(wait)
        run.kill()
    wait_for("the end of all orphans", lambda: not following(run), 10)
    assert live(run, 50, 3)["last_seq"] > 0
    run.close()


def killed_at_any_moment_it_comes_back_by_a_snapshot():
    run = run_of("delete")
    for seed in range(1, 5):
        run.start()
        world = run.world("--steps", 100000, "--seed", seed)
        records = len(snapshots(run))
        wait_for("snapshots", lambda: len(snapshots(run)) >= 2 or records == 2)
        box.pause(0.3 * seed)
        run.kill()
        world.kill()
        world.communicate()
    stopped = live(run, 50, 9)
    assert run.replay()["state_digest"] == stopped["state_digest"]
    run.command("verify", run.data, check=0)
    run.close()


def an_archive_without_room_stops_the_intake_until_there_is_some():
    if os.geteuid() != 0:
        print("skipped, because a small tmpfs needs root to mount")
        return
    run = run_of("archive")
    archive = run.data / "journal/archive"
    archive.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(archive)], check=True)
    try:
        run.start()
        world = run.world("--steps", 4000, "--seed", 4)
        wait_for("the full archive", lambda: "CB1007" in run.errors.read_text(), 60)
        wait_for("the full journal", lambda: "CB5004" in run.errors.read_text(), 60)
        assert run.errors.read_text().count("CB1007") == 1, run.errors.read_text()
        assert "a box is writing here" in run.command("verify", run.data, check=0).stdout
        subprocess.run(["mount", "-o", "remount,size=400m", str(archive)], check=True)
        box.answered_once(run.finish_world(world))
        stopped = run.stop()
        assert "archiving works again" in run.errors.read_text(), run.errors.read_text()
        assert run.replay()["state_digest"] == stopped["state_digest"]
    finally:
        if run.box is not None and run.box.poll() is None:
            run.kill()
        subprocess.run(["umount", str(archive)], check=False)
        run.close()


def segments_can_be_added_to_a_stopped_journal():
    run = run_of("archive", segments=4)
    live(run, 200, 1)
    for slot in (4, 5):
        (run.data / f"journal/seg-{slot:04}.cbj").write_bytes(bytes(1 << 20))
    run.command("verify", run.data, check=0)
    stopped = live(run, 600, 2)
    assert "made with 6 segments" in run.errors.read_text()
    assert run.replay()["state_digest"] == stopped["state_digest"]
    run.close()


def main():
    wanted = sys.argv[1:]
    for name, function in list(globals().items()):
        if callable(function) and name.startswith(("a_", "an_", "with", "damage", "snapshots_beside", "killed", "segments")):
            if not wanted or any(word in name for word in wanted):
                case(function)
    print(f"{len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
