"""What `tlkeras.export.bench` measured: tables, plots, and the files of a folder."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from tlkeras.report.metrics import versions, write_json
from tlkeras.report.page import Image, write_report
from tlkeras.report.plots import WIDTH
from tlkeras.report.tables import MISSING, Table, as_markdown

SLOWER = 1.05  # a ratio above is called slower: less is within what the same file varies by
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
LEAST_SPAN = 5.0  # points of accuracy on the axis of the plot


def benchmark_table(rows: Sequence[Mapping]) -> Table:
    """Show one row a file: size, accuracy, latency with its ratio to the first file, memory.

    Args:
        rows: What `tlkeras.export.bench` returned.

    Example:
        >>> latency = {1: {"median_ms": 0.5, "p95_ms": 0.75, "ratio": 1.0, "runs": 200}}
        >>> row = {"path": "a.tflite", "precision": "float32", "bytes": 1234, "latency": latency, "peak_memory": 10**6}
        >>> benchmark_table([row]).rows[0][2:]
        ['1,234', '0.500', '0.750', '1.00', '1.0']
    """
    scored = any(row.get("accuracy") is not None for row in rows)
    threads = list(rows[0]["latency"])
    columns = ["file", "precision", "bytes", *(["accuracy, %"] if scored else [])]
    for count in threads:
        unit = f"{count} thread{'s' if count > 1 else ''}"
        columns += [f"{unit}, ms", "p95", "ratio"]
    body = []
    for name, row in zip(_names(rows), rows, strict=True):
        cells = [name, row["precision"], f"{row['bytes']:,}"]
        if scored:
            cells.append(MISSING if row.get("accuracy") is None else f"{100 * row['accuracy']:.1f}")
        for count in threads:
            time = row["latency"][count]
            slower = " slower" if time["ratio"] > SLOWER else ""
            cells += [_ms(time["median_ms"]), _ms(time["p95_ms"]), f"{time['ratio']:.2f}{slower}"]
        memory = row["peak_memory"]
        body.append([*cells, MISSING if memory is None else f"{memory / 1e6:.1f}"])
    runs = sorted({time["runs"] for row in rows for time in row["latency"].values()})
    caption = (
        f"Median and 95th percentile of {' or '.join(map(str, runs))} calls that the files took in turn; ratio: the "
        f"median over that of the first file, slower where it is above {SLOWER}. Memory: by how much a process of its "
        "own grows when it loads and runs the file."
    )
    for name, row in zip(_names(rows), rows, strict=True):
        if any(time["ratio"] > SLOWER for time in row["latency"].values()):
            caption += f" {name} is slower: {_cause(row, rows[0])}."
    return Table([*columns, "memory, MB"], body, caption)


def _cause(row: Mapping, first: Mapping) -> str:
    """Say what a slower file does more than the first, or that it is the kernels when it does nothing more."""
    counts = [{kind: n for kind, n in one["operations"].items() if kind not in CONVERSIONS} for one in (row, first)]
    if counts[0] != counts[1]:
        more, fewer = (sum(one.values()) for one in counts)
        return f"another network, of {more} operators against {fewer}"
    conversions = sum(row["operations"].get(kind, 0) for kind in CONVERSIONS)
    if conversions > len(CONVERSIONS):  # one at each end is usual
        return f"it converts between number formats {conversions} times"
    if row["precision"] == "int8 weights":
        return "it quantises its activations in every call"
    return f"the same operators, whose {row['precision']} kernels are slower on this machine"


def operations_table(rows: Sequence[Mapping]) -> Table:
    """Count the operators of each file by type, and its tensors by their numbers.

    Args:
        rows: What `tlkeras.export.bench` returned.
    """
    counts = [", ".join(f"{name} {count}" for name, count in row["operations"].items()) for row in rows]
    tensors = [", ".join(f"{name} {count}" for name, count in row["tensors"].items()) for row in rows]
    ends = [" → ".join(", ".join(map(_end, row[side])) for side in ("inputs", "outputs")) for row in rows]
    return Table(
        ["file", "operators", "tensors", "input → output"],
        list(zip(_names(rows), counts, tensors, ends, strict=True)),
        "As the file holds them, before the runtime hands any to a delegate; those inside a loop are not counted.",
    )


def benchmark_plot(rows: Sequence[Mapping]) -> Figure:
    """Draw accuracy against bytes and against latency; latency against bytes where nothing was scored.

    Files without an accuracy beside scored ones, the baselines, are dashed lines at their size and latency.

    Args:
        rows: What `tlkeras.export.bench` returned; the latency is that of the first number of threads.
    """
    names, count = _names(rows), next(iter(rows[0]["latency"]))
    values = {
        "size, kB": [row["bytes"] / 1000 for row in rows],
        f"latency, ms ({count} thread{'s' if count > 1 else ''})": [row["latency"][count]["median_ms"] for row in rows],
        "accuracy, %": [None if row.get("accuracy") is None else 100 * row["accuracy"] for row in rows],
    }
    scored = any(value is not None for value in values["accuracy, %"])
    size, time, accuracy = values
    pairs = [(size, accuracy), (time, accuracy)] if scored else [(size, time)]
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    for axis, (across, up) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
        for number, name in enumerate(names):
            x, y, look = values[across][number], values[up][number], {"color": f"C{number % 10}", "label": name}
            if y is None:
                axis.axvline(x, linestyle="--", alpha=0.7, **look)
            else:
                axis.plot([x], [y], marker="o", linestyle="", **look)
        axis.set_xscale("log")
        axis.set_xlim(min(values[across]) / 2, 2 * max(values[across]))  # wide enough for two ticks
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        if scored:  # one image more or less shall not look like a cliff
            low, high = axis.get_ylim()
            axis.set_ylim(min(low, high - LEAST_SPAN), max(high, low + LEAST_SPAN))
        axis.set_xlabel(across)
        axis.set_ylabel(up)
        axis.grid(alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7)
    return figure


def write_benchmark(directory: str | os.PathLike, rows: Sequence[Mapping], facts: Mapping | None = None) -> Path:
    """Write `bench.json`, `bench.md` and the page `bench.html`.

    Args:
        directory: Where to write; missing folders are made, older files of these names replaced.
        rows: What `tlkeras.export.bench` returned.
        facts: What else the reader shall know, such as the folder of the images.

    Returns:
        The path of the page.
    """
    directory = Path(directory)
    facts = {**(facts or {}), "machine": f"{platform.machine()}, {os.cpu_count()} processors"}
    tables = {"Size, speed and memory": benchmark_table(rows), "Operators": operations_table(rows)}
    write_json(directory / "bench.json", {**facts, "versions": versions(), "files": list(rows)})
    lines = [f"{name}: {value}" for name, value in facts.items()]
    parts = ["# LiteRT files", "\n\n".join(lines), *(f"## {name}\n\n{as_markdown(t)}" for name, t in tables.items())]
    (directory / "bench.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plot = Image(benchmark_plot(rows), "Accuracy, size and latency of the files")
    return write_report(
        directory / "bench.html", title="LiteRT files", facts=facts, sections=[("Side by side", plot), *tables.items()]
    )


def _names(rows) -> list[str]:
    """Return the file names, or the whole paths where two files have one name."""
    paths = [Path(row["path"]) for row in rows]
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else list(map(str, paths))


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _end(end: Mapping) -> str:
    return f"{end['dtype']} {'x'.join(map(str, end['shape']))}"
