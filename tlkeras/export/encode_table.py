"""From a row of a table to the numbers that the file of a model takes: the reference, in Python alone.

Beside the file lies `encoding.json`, what the model knows of each column. On a device, write these lines anew.

    encoding = json.load(open("encoding.json", encoding="utf-8"))
    vector = encode({"age": 31.0, "job": None}, encoding)
"""


def encode(row: dict, encoding: dict) -> list:
    """Return the row as floats; None, NaN and "" are missing.

    Args:
        row: `{column: value}`; a column that is not in it is missing.
        encoding: The content of `encoding.json`.
    """
    vector = []
    for column in encoding["columns"]:
        value = row.get(column["name"])
        missing = value is None or value == "" or value != value
        if column["kind"] == "float":
            number = column["fill"] if missing else float(value)
            vector.append((number - column["mean"]) / column["deviation"])
            if column["indicator"]:
                vector.append(float(missing))
        else:
            kind = int if column["kind"] == "integer" else str
            category = column["missing"] if missing else kind(value)
            vector.append(0.0)  # the place of unknown categories, which stays 0
            vector.extend(float(category == known) for known in column["categories"])
    return vector
