"""A file is whole or as it was, and one that cannot be written is refused before anything is done."""

from pathlib import Path

import pytest

from steadygrad.errors import InputError
from steadygrad.whole_file import check_writable, write_whole


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", "old")
    monkeypatch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("use", [check_writable, lambda path: write_whole(path, "text")], ids=["check", "write"])
def test_what_cannot_be_written(tmp_path: Path, use, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, why in ((tmp_path, "it is a folder"), (tmp_path / "none" / "a.html", "No such file or directory")):
        with pytest.raises(InputError, match=f"cannot be written .{why}"):
            use(path)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match="Permission denied.; give a file in an existing folder, for example -o a.html"):
        use(tmp_path / "a.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no /dev/null")
def test_devices_stay_devices() -> None:
    write_whole(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
