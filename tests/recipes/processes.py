"""Recipes run as a user runs them: real processes, one thread each."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def start(recipe, *arguments, **options):
    command = [sys.executable, str(ROOT / "recipes" / f"{recipe}.py"), *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def finish(recipe, *arguments):
    process = start(recipe, *arguments)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return output
