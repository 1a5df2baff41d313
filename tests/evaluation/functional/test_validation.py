import pytest
import torch

from mmsrdl.evaluation import average_precision, precision_recall_f1


@pytest.mark.parametrize("function", [average_precision, precision_recall_f1])
class TestMalformedInput:
    def test_shapes_differ(self, function):
        with pytest.raises(ValueError, match=r"\[N, C\], got \[2, 3\] and \[2, 4\]"):
            function(torch.rand(2, 3), torch.ones(2, 4))

    def test_one_dimension(self, function):
        with pytest.raises(ValueError, match=r"\[N, C\], got \[3\] and \[3\]"):
            function(torch.rand(3), torch.ones(3))

    def test_nan_score(self, function):
        scores = torch.rand(4, 3)
        scores[2, 1] = torch.nan
        with pytest.raises(ValueError, match=r"NaN, first for image 2 and class 1.*learning rate"):
            function(scores, torch.ones(4, 3))

    @pytest.mark.parametrize("value", [2.0, 0.5, -2.0, float("nan")])
    def test_other_target(self, function, value):
        targets = torch.ones(2, 3)
        targets[1, 1] = value
        with pytest.raises(ValueError, match=rf"1 \(positive\).*-1 \(unknown\), got {value:g}"):
            function(torch.rand(2, 3), targets)

    @pytest.mark.parametrize("name", ["scores", "targets"])
    def test_not_a_tensor(self, function, name):
        arguments = {"scores": torch.rand(2, 3), "targets": torch.ones(2, 3), name: [[1.0]]}
        with pytest.raises(TypeError, match=f"{name} must be a torch.Tensor, got list"):
            function(**arguments)
