"""Bodies that are read together give what each alone gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.array.alike import MAX_JOINED_BYTES, read_alike, read_together
from bentoml.adapters.array.npy import read_npy
from tests.adapters.array.test_npy import KINDS, saved


@given(st.data(), st.booleans())
def test_bodies_with_one_header_are_read_together_as_one_by_one(data: st.DataObject, fortran: bool) -> None:
    dtype, shape = data.draw(KINDS), data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    arrays = [data.draw(hnp.arrays(dtype, shape)) for _ in range(data.draw(st.integers(1, 4)))]
    bodies = [saved(np.asarray(array, order="F" if fortran else "C")) for array in arrays]
    alike = read_alike(bodies)
    if alike is None:
        assert not arrays[0].size or not shape or (fortran and len(shape) > 1)
        return
    assert alike[1] == shape[0]
    whole = np.concatenate([read_npy(body) for body in bodies])
    assert (alike[0].dtype, alike[0].shape) == (whole.dtype, whole.shape)
    np.testing.assert_array_equal(alike[0], whole)


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([saved(np.arange(3)), saved(np.arange(4))], id="another length"),
        pytest.param([saved(np.arange(3)), saved(np.arange(3.0))], id="another type"),
        pytest.param([saved(np.arange(3)), saved(np.arange(3))[:-1]], id="cut short"),
        pytest.param([saved(np.arange(3))[:-1]] * 2, id="all cut short"),
        pytest.param([saved(np.arange(3)), b"[[1]]"], id="another format"),
        pytest.param([saved(np.arange(MAX_JOINED_BYTES))] * 2, id="large"),
    ],
)
def test_bodies_that_are_not_alike_are_left_to_others(bodies: list[bytes]) -> None:
    assert read_alike(bodies) is None


@pytest.mark.parametrize(
    "bodies",
    [[saved(np.array([1.5])), saved(np.array([2.5]))], [saved(np.array([300])), saved(np.array([1]))], [b"[[1]]", b""]],
    ids=["fractions", "out of bounds", "one is empty"],
)
def test_batch_with_a_refused_body_is_left_to_others(bodies: list[bytes]) -> None:
    assert read_together(bodies, np.dtype("uint8"), lambda array: array) is None
