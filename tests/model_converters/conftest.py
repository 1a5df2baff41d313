"""One network for all conversions."""

import pytest
from torch import nn

from tests.model_converters.published import make_resnet


@pytest.fixture(scope="package")
def resnet() -> nn.Module:
    return make_resnet()
