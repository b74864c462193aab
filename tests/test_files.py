"""Files are written whole or not at all, and errors speak both languages."""

import pytest

from micrograd_kr.files import FileError, write


def test_a_file_is_put_in_place_whole_and_what_was_there_goes(tmp_path):
    path = tmp_path / "a.html"
    assert write(path, b"one") == path
    assert write(str(path), b"two") == path
    assert path.read_bytes() == b"two"


def test_a_write_that_fails_leaves_the_file_before_it_and_nothing_else(tmp_path, monkeypatch):
    def failing(*_):
        raise OSError(28, "no room")

    path = tmp_path / "a.html"
    write(path, b"one")
    monkeypatch.setattr("os.replace", failing)
    with pytest.raises(FileError, match="no room"):
        write(path, b"two")
    assert [each.name for each in tmp_path.iterdir()] == ["a.html"]
    assert path.read_bytes() == b"one"


def test_a_folder_that_is_not_there_is_an_error_in_both_languages(tmp_path):
    with pytest.raises(FileError, match=r"expected to write .*nowhere.*Choose a folder that is there") as caught:
        write(tmp_path / "nowhere" / "a.html", b"")
    assert "쓸 수 있는 폴더를 고르세요" in caught.value.korean


def test_a_folder_is_no_place_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"expected to write '\.'"):
        write(".", b"")
    assert list(tmp_path.iterdir()) == []
