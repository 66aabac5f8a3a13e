"""What is known of a model beside its weights."""

import dataclasses
from pathlib import Path

UNKNOWN = "unknown: ask the publisher"
OWN = {"saved_models/glyphs": "Apache-2.0"}  # backbones of this repository, with the licence in their card
NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")


@dataclasses.dataclass(frozen=True)
class About:
    """What the card of a bundle says of the model.

    Args:
        class_names: Names of the classes in the order of the outputs; None gives them their numbers.
        metrics: What a recipe wrote into `metrics.json`, or an empty dict.
        config: What a recipe wrote into `config.json`, or an empty dict.
        licence: Licence of the backbone; "" looks for a file of that name in its directory.
    """

    class_names: tuple | None = None
    metrics: dict = dataclasses.field(default_factory=dict)
    config: dict = dataclasses.field(default_factory=dict)
    licence: str = ""

    @property
    def backbone_licence(self) -> str:
        """The licence as given, else as it is known of the backbone, else that it is not."""
        backbone = str(self.metrics.get("backbone") or "")
        found = [name for name in NAMES if backbone and (Path(backbone) / name).is_file()]
        return self.licence or OWN.get(backbone) or (f"see {found[0]} in {backbone}" if found else UNKNOWN)

    def names(self, classes: int) -> list[str]:
        """Return one name for each output.

        Args:
            classes: Outputs of the model.

        Raises:
            ValueError: If there are more or fewer names, a name twice, or one that is empty or has a line break.
        """
        if self.class_names is None:
            return [str(index) for index in range(classes)]
        names = [str(name) for name in self.class_names]
        wrong = [name for name in names if not name.strip() or len(name.splitlines()) != 1]
        if len(names) != classes or wrong or len(set(names)) < classes:
            raise ValueError(
                f"`class_names` must be {classes} different names, one for each output of the model in its order, each "
                f"on one line. Received: {len(names)}: {', '.join(map(repr, names[:5]))}{', ...' if names[5:] else ''}"
            )
        return names
