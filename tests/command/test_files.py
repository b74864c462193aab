"""Files are written whole or not at all, and errors speak both languages."""

import os
import stat
import threading

import pytest

from micrograd_kr.files import FileError, write, write_all


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


def test_a_name_that_no_file_can_have_is_such_an_error(tmp_path):
    for written in (lambda: write(tmp_path / "a\0b", b""), lambda: write_all(tmp_path / "a\0b", {"c": b""})):
        with pytest.raises(FileError, match=r"expected to write .*a\\x00b.*null") as caught:
            written()
        assert caught.value.korean.isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_place_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"expected to write '\.'"):
        write(".", b"")
    assert list(tmp_path.iterdir()) == []


def test_the_mode_of_a_file_that_was_there_is_kept_and_a_new_one_has_the_usual(tmp_path):
    private, new, usual = tmp_path / "private", tmp_path / "new", tmp_path / "usual"
    private.touch(0o600)
    usual.touch()
    write(private, b"mine")
    write(new, b"")
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (private, new, usual)]
    assert modes[0] == 0o600
    assert modes[1] == modes[2]


def test_what_a_link_points_to_is_written_and_the_link_stays(tmp_path):
    (tmp_path / "real").write_bytes(b"one")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"two"


def test_a_pipe_is_written_into_and_stays_one(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"through")
    reader.join()
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_many_writers_of_one_file_leave_one_of_theirs_and_nothing_else(tmp_path):
    path, contents = tmp_path / "a", [bytes([i]) * 10_000 for i in range(8)]
    writers = [threading.Thread(target=lambda each=each: [write(path, each) for _ in range(20)]) for each in contents]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["a"]
