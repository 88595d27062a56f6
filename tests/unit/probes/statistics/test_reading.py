import json

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.probes.statistics import histogram, moments, read, rows, samples, units


def test_parts_are_those_read_alone():
    x = torch.randn(6, 4, 10)
    found = read(x, 1, low=-1.0, high=1.0, samples=True, rows=True)
    assert found.moments == moments(x) and found.histogram == histogram(x)
    assert np.array_equal(found.units.outside, units(x, 1, -1.0, 1.0).outside)
    assert found.samples.cosine == samples(x).cosine
    assert found.rows == rows(x, axis=1)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"]["rows"] == 4


def test_only_what_was_asked_for():
    found = read(torch.randn(6, 4), magnitudes=False)
    assert (found.histogram, found.units, found.samples, found.rows) == (None, None, None, None)
    assert read(torch.randn(6, 4), rows=True).rows.rows == 6
    assert read(torch.tensor(3.0), axis=1, samples=True, rows=True).units is None
    assert read(torch.randn(3), samples=True).samples is None


def test_a_missing_axis_is_refused():
    with pytest.raises(InputError, match=r"read: axis 3 must be one of the 2 axes"):
        read(torch.randn(6, 4), axis=3)
