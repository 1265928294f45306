#!/usr/bin/env python3
"""Runs examples/train_fashion_mnist at a tiny size, and with arguments and files that are wrong.

    check_train_fashion_mnist.py PROGRAM WORK_FOLDER
"""
import csv
import gzip
import pathlib
import re
import shutil
import subprocess
import sys

PROGRAM, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
TINY = ["--epochs", "2", "--hidden", "32,16", "--train-size", "4000", "--threads", "1"]


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=WORK, capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL)


def expect_error(*arguments, says):
    """The program must end with a status above 0 (not by a signal) and one clear sentence."""
    result = run(*arguments)
    assert result.returncode > 0, f"{arguments}: status {result.returncode}"
    assert re.search(says, result.stderr), f"{arguments}: says {result.stderr!r}, not {says!r}"
    assert not (WORK / "wrong").exists() or not any((WORK / "wrong").glob("*")), "left files behind"


def check_training():
    result = run(*TINY, "--seed", "7", "--out", "out")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    last = re.fullmatch(r"test accuracy: (\d+\.\d\d) %", lines[-1])
    assert last, f"the last line is {lines[-1]!r}"
    assert float(last[1]) > 50, "a network that has learnt anything does better"
    for epoch in (1, 2):
        assert any(re.match(rf"epoch +{epoch}/2 .*train loss .*validation loss .*accuracy .*"
                            r"learning rate .*gradient norm .* s$", line) for line in lines), lines
    assert "\r" not in result.stdout and "\x1b" not in result.stdout, "control characters in a pipe"

    with open(WORK / "out/history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"]), "the loss does not fall"
    assert sorted(p.name for p in (WORK / "out").iterdir()) == ["history.csv", "model.safetensors"]

    again = run(*TINY, "--seed", "7", "--out", "again")
    assert again.stdout.splitlines()[-1] == lines[-1], "the same seed gives another accuracy"
    assert (WORK / "again/model.safetensors").read_bytes() == \
        (WORK / "out/model.safetensors").read_bytes(), "the same seed gives another model"


def check_arguments():
    help_text = run("--help")
    assert help_text.returncode == 0
    for option in ("epochs", "batch-size", "hidden", "optimizer", "lr", "seed", "threads", "data"):
        assert f"--{option}" in help_text.stdout, f"--help does not show --{option}"
    expect_error("--epochs", "0", says="--epochs")
    expect_error("--batch-size", "-1", says="--batch-size")
    expect_error("--hidden", "32,none", says="--hidden")
    expect_error("--optimizer", "magic", says="--optimizer.*magic")
    expect_error("--lr", "-1", says="--lr")
    expect_error("--dropout", "nan", says="--dropout.*nan is not a number")
    expect_error("--lr", "nan", says="--lr.*nan")
    expect_error("--seed=-1", says="--seed.*-1 is not a whole number")
    expect_error("--seed", "18446744073709551616", says="--seed")
    expect_error("--threads", "0", says="--threads")
    expect_error("--unknown", says="unknown")


def copy_data():
    """The first 500 examples of each file, which are read sooner than all of them."""
    folder = WORK / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in NAMES:
        with gzip.open(DATA / f"{name}.gz") as file:
            header = file.read(16 if "images" in name else 8)
            body = file.read(500 * (784 if "images" in name else 1))
        whole = header[:4] + (500).to_bytes(4, "big") + header[8:] + body
        (folder / f"{name}.gz").write_bytes(gzip.compress(whole, 1))
    return folder


def check_files():
    arguments = ["--epochs", "1", "--hidden", "8", "--train-size", "400", "--data"]
    right = run(*arguments, copy_data(), "--out", "few")
    assert right.returncode == 0, right.stderr  # so that what follows fails for the named reason
    arguments = ["--out", "wrong", *arguments]
    expect_error(*arguments, WORK / "nowhere", says="nowhere")
    for name in NAMES:
        folder = copy_data()
        file = folder / f"{name}.gz"
        whole = file.read_bytes()

        file.unlink()
        expect_error(*arguments, folder, says=name)
        file.write_bytes(whole[:len(whole) // 2])
        expect_error(*arguments, folder, says=name)
        middle = len(whole) // 2
        file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1:])
        expect_error(*arguments, folder, says=name)
        file.write_bytes(gzip.compress(b"not the beginning of an IDX file", 1))
        expect_error(*arguments, folder, says=name)
        file.unlink()
        (folder / name).write_bytes(gzip.decompress(whole)[:-1])
        expect_error(*arguments, folder, says=name)


if not DATA.exists():
    print(f"{DATA} is not installed; scripts/bootstrap demo installs it")
    sys.exit(77)
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)
check_training()
check_arguments()
check_files()
