"""`tlkeras bench`: LiteRT files side by side on this machine.

Nothing heavy is imported at the top, as in `tlkeras.cli`.
"""

import argparse
import os
from pathlib import Path

FLAGS = {
    "`files`": "FILE",
    "`baselines`": "files given by --baseline",
    "`images`": "--test",
    "`directory`": "--test",
    "`threads`": "--threads",
    "`value_range`": "--value-range",
    "`skip_unreadable=True`": "--skip-unreadable",
}
LOOKED_AT = (224, 224)  # the size at which images are verified; each file gets them at its own


def add_bench(commands, value_range) -> argparse.ArgumentParser:
    """Adds the command to the subparsers and returns its parser.

    Args:
        commands: What `add_subparsers` returned.
        value_range: The function that reads `--value-range`.
    """
    parser = commands.add_parser(
        "bench", help="measure .tflite files on this machine: bytes, latency, memory, operators, accuracy"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .tflite file; others are compared with the first")
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="FILE",
        help="once for each: a published .tflite file of other classes, measured alike and not scored on --test",
    )  # fmt: skip
    parser.add_argument(
        "--test", type=Path, metavar="DIR",
        help="a folder with one folder for each class; sorted, they are the outputs: adds the accuracy of each file",
    )  # fmt: skip
    parser.add_argument("--threads", type=_threads, default=(1, 2), metavar="N,N", help="default 1,2")
    parser.add_argument(
        "--value-range", type=value_range, default=(0, 255), metavar="LOW,HIGH",
        help="what a float32 or int8 input takes for black and white; default 0,255; --value-range=-1,1 with = where "
        "it starts with a minus. A uint8 input takes the bytes",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write bench.json, bench.md and bench.html there")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave out images that cannot be decoded")
    return parser


def _threads(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"numbers from 1, such as 1,2. Received: {text}")
    return tuple(dict.fromkeys(map(int, parts)))


def bench_files(arguments: argparse.Namespace):
    """Measures the files, prints two tables, and writes them where asked.

    Raises:
        ValueError: If a file, the images or the flags are not usable.
        RuntimeError: If a file cannot be run.
    """
    if arguments.out and arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"--out must be the name of a folder. Received: {arguments.out}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    from tlkeras.data import image_folder
    from tlkeras.export import bench
    from tlkeras.report.benchmark import benchmark_table, operations_table, write_benchmark
    from tlkeras.report.tables import as_text

    images = None
    if arguments.test:
        images = image_folder(arguments.test, LOOKED_AT, skip_unreadable=arguments.skip_unreadable)
    rows = bench(
        arguments.files, baselines=arguments.baseline, threads=arguments.threads, images=images,
        value_range=arguments.value_range,
    )  # fmt: skip
    table = benchmark_table(rows)
    print(as_text(table), table.caption, "", as_text(operations_table(rows)), sep="\n")
    if arguments.out:
        facts = {"threads": ", ".join(map(str, arguments.threads)), "first file": rows[0]["path"]}
        if images is not None:
            facts |= {"test": str(arguments.test), "images": len(images), "value range": arguments.value_range}
        print(f"\nWritten to {write_benchmark(arguments.out, rows, facts)}")
