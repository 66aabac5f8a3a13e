from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from tlkeras.tuning import hparams
from tlkeras.tuning.plan import Plan
from tlkeras.tuning.record import Record
from tlkeras.tuning.space import Choice, Float, Int

PLAN = Plan({"rate": Float(0.1, 0.5), "width": Int(1, 5), "depth": Choice(("0", "2"))}, objective="snd")


def content(folder, tag):
    """Returns what the HParams plugin is told under a tag."""
    events = EventAccumulator(str(folder)).Reload()
    found = events.SummaryMetadata(tag).plugin_data.content
    return events, plugin_data_pb2.HParamsPluginData.FromString(found)


def test_tensorboard_finds_the_space(tmp_path):
    hparams.write_space(tmp_path, PLAN)
    _, told = content(tmp_path / "logs", metadata.EXPERIMENT_TAG)
    infos = {info.name: info for info in told.experiment.hparam_infos}
    assert (infos["rate"].domain_interval.min_value, infos["width"].domain_interval.max_value) == (0.1, 5)
    assert [value.string_value for value in infos["depth"].domain_discrete.values] == ["0", "2"]
    assert told.experiment.metric_infos[0].display_name == "snd"


def test_tensorboard_finds_values_and_scores(tmp_path):
    values = {"rate": 0.25, "width": 3, "depth": "2"}
    hparams.write_trial(tmp_path, Record(7, values, "done", 0.5, figures={"last": 0.75, "predicted": {}}))
    events, told = content(tmp_path / "logs" / "trial_0007", metadata.SESSION_START_INFO_TAG)
    found = {name: value.number_value or value.string_value for name, value in told.session_start_info.hparams.items()}
    assert found == values and set(events.Tags()["tensors"]) >= {"score", "last"}
    hparams.write_trial(tmp_path, Record(8, values, "failed", reason="diverged"))
    events, _ = content(tmp_path / "logs" / "trial_0008", metadata.SESSION_START_INFO_TAG)
    assert "score" not in events.Tags()["tensors"]
