import gc

import pytest

from data_converters.collecting import without_collection


def test_collection_is_off_inside_and_as_it_was_after():
    assert without_collection(gc.isenabled)() is False
    assert gc.isenabled()

    @without_collection
    def fails():
        raise KeyError('x')

    with pytest.raises(KeyError):
        fails()
    assert gc.isenabled()
    gc.disable()
    try:
        without_collection(gc.isenabled)()
        assert not gc.isenabled()
    finally:
        gc.enable()
