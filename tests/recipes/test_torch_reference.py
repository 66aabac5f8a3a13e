"""The reference loop, in an environment that has PyTorch (and NumPy and pytest): it needs nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the reference loop has an environment of its own")

SCRIPTS = Path(__file__).parents[2] / "recipes" / "benchmarks"
sys.path.insert(0, str(SCRIPTS))

import torch_reference  # noqa: E402
import torch_terms as terms  # noqa: E402

DRAW = np.random.default_rng(0)
FEATURES, LOGITS = DRAW.normal(size=(10, 4)).astype("float32"), DRAW.normal(size=(10, 3)).astype("float32")


def value(term, step=0):
    return term(4, 3)(torch.tensor(FEATURES), torch.tensor(LOGITS), step).item()


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def test_covariances():
    source, target = FEATURES[:5], FEATURES[5:]
    apart = np.cov(source.T) - np.cov(target.T)
    assert value(terms.CORAL) == pytest.approx((apart**2).sum() / (4 * 4**2), rel=1e-5)
    means = ((source.mean(0) - target.mean(0)) ** 2).sum() / 4
    assert value(terms.CORALOfTllib) == pytest.approx((apart**2).sum() / 4**2 + means, rel=1e-5)


def test_mmd():
    distances = ((FEATURES[:, None] - FEATURES[None]) ** 2).sum(2)
    kernel = sum(np.exp(-distances / (2 * factor * distances.mean())) for factor in (0.125, 0.25, 0.5, 1, 2))
    others = ~np.eye(5, dtype=bool)
    unbiased = kernel[:5, :5][others].mean() + kernel[5:, 5:][others].mean() - 2 * kernel[:5, 5:].mean()
    assert value(terms.DAN) == pytest.approx(unbiased, rel=1e-4)
    assert value(terms.DANBroadcast) == pytest.approx(unbiased, rel=1e-4)
    each = [
        kernel[i, j] + kernel[i + 5, j + 5] - kernel[i, j + 5] - kernel[j, i + 5]
        for i, j in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
    ]
    assert value(terms.DANLinear) == pytest.approx(np.mean(each), rel=1e-4)


def test_class_confusion():
    p = softmax(LOGITS[5:] / 2.5)
    weights = 1 + np.exp((p * np.log(p + 1e-5)).sum(1))
    confusion = p.T @ np.diag(5 * weights / weights.sum()) @ p
    confusion /= confusion.sum(1, keepdims=True)
    assert value(terms.MCC) == pytest.approx((3 - np.trace(confusion)) / 3, rel=1e-5)


def test_margin_disparity_and_where_its_gradient_goes():
    torch.manual_seed(0)
    term, features = terms.MDD(4, 3), torch.tensor(FEATURES, requires_grad=True)
    found = term(features, torch.tensor(LOGITS), 1000)
    found.backward()
    p, answers = softmax(term.head(features).detach().numpy()), LOGITS.argmax(1)
    chosen = p[np.arange(10), answers]
    expected = -4 * np.log(chosen[:5]).mean() - np.log(1 - chosen[5:] + 1e-6).mean()
    assert found.item() == pytest.approx(expected, rel=1e-5)
    onehot = np.eye(3)[answers]
    slope = np.concatenate([4 * (p - onehot)[:5], (chosen / (1 - chosen))[5:, None] * (onehot - p)[5:]]) / 5
    strength = 0.1 * np.tanh(0.5)  # 2 / (1 + exp(-1)) - 1
    reached = -strength * slope @ term.head.weight.detach().numpy()
    np.testing.assert_allclose(features.grad.numpy(), reached, atol=1e-5)
    np.testing.assert_allclose(term.head.weight.grad.numpy(), slope.T @ FEATURES, atol=1e-5)


@pytest.mark.parametrize("kind, inputs", [(terms.DANN, 4), (terms.CDAN, 12)])
def test_a_critic_learns_and_the_features_get_the_reversed_gradient(kind, inputs):
    torch.manual_seed(0)
    term, features = kind(4, 3), torch.tensor(FEATURES, requires_grad=True)
    assert term.critic[0].in_features == inputs
    logits = torch.tensor(LOGITS, requires_grad=True)
    found = term(features, logits, 500)
    found.backward()
    plain = torch.tensor(FEATURES, requires_grad=True)
    seen = plain if kind is terms.DANN else torch.einsum("nc,nf->ncf", logits.detach().softmax(1), plain).flatten(1)
    z, source = term.critic(seen)[:, 0], torch.tensor([1.0] * 5 + [0.0] * 5)
    expected = torch.nn.functional.binary_cross_entropy(torch.sigmoid(z), source)
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5) and logits.grad is None
    np.testing.assert_allclose(features.grad, -np.tanh(0.25) * plain.grad, atol=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    for shift, name in enumerate(torch_reference.DOMAINS.values()):
        labels = np.arange(80) % 2
        features = DRAW.normal(size=(80, 6)) + 3 * labels[:, None] + shift
        np.savez(folder / f"{name}.npz", features=features.astype("float32"), labels=labels)
    return folder


def run(*arguments):
    command = [sys.executable, str(SCRIPTS / "torch_reference.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_is_resumed_and_equal(folder, tmp_path):
    flags = ("--features", folder, "--rows", *torch_reference.ROWS, "--steps", 3, "--seeds", 2)
    first = run(*flags, "--out", tmp_path / "a.jsonl")
    assert first.returncode == 0, first.stderr
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert len(lines) == len(torch_reference.ROWS) * 2 * 6
    (tmp_path / "b.jsonl").write_text("\n".join(lines[:-3]) + "\n")
    second = run(*flags, "--out", tmp_path / "b.jsonl", "--fused")
    assert second.stdout.count("seed 1:") == 3
    again = [json.loads(line)["accuracy"] for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert again == [json.loads(line)["accuracy"] for line in lines]
    head, _, *rows = second.stdout[second.stdout.index("| |") :].splitlines()
    assert head.count("|") == rows[0].count("|") and [row.split()[1] for row in rows] == list(torch_reference.ROWS)


def test_speeds(folder):
    found = run("--features", folder, "--time", "--steps", 2, "--threads", 1)
    assert found.returncode == 0, found.stderr
    assert [line.split(":")[0] for line in found.stdout.splitlines()] == list(torch_reference.TIMED)


def test_mistakes_end_in_one_line(folder, tmp_path):
    assert "one of --out and --time" in run("--features", folder).stderr
    assert "pacs_features.py. Received: no" in run("--features", tmp_path, "--time").stderr
    (tmp_path / "torn.jsonl").write_text('{"run": {"row"')
    torn = run("--features", folder, "--out", tmp_path / "torn.jsonl", "--steps", 1)
    assert "remove line 1" in torn.stderr and "Traceback" not in torn.stderr
