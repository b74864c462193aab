"""Files are written whole or not at all, and errors speak both languages."""

import os
import shutil
import stat
import threading
from contextlib import nullcontext

import pytest
from meanwhile import at_the_end, longer, replaced

import micrograd_kr as mk
from micrograd_kr.__main__ import main
from micrograd_kr.files import FileChangedError, FileError, put, steady, write, write_all
from micrograd_kr.teacher.ask.file import source_text
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.register import listed_in


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


# --- what another program does meanwhile ------------------------------------------------------------------------------


def vanish(folder, monkeypatch):
    """Take a folder away once a file has been written in it, before the file has its name."""
    monkeypatch.setattr("os.fsync", lambda _: shutil.rmtree(folder))


@pytest.mark.parametrize(
    "words",
    [
        ["page", "-o", "gone/a.html"],
        ["draw", "-o", "gone/a.dot"],
        ["worksheet", "-o", "gone/a.md"],
        ["worksheet", "--answers", "gone/a.md"],
        ["worksheet", "--seeds", "1-2", "--format", "markdown", "-o", "gone/class"],
        ["new", "-o", "gone/a.toml"],
    ],
    ids=" ".join,
)
def test_a_folder_that_vanishes_while_it_is_written_to_is_one_line_on_standard_error(
    tmp_path, monkeypatch, capsys, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    vanish(tmp_path / "gone", monkeypatch)
    assert main([*words, "--lang", "ko"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "쓸 수 있는 폴더를 고르세요" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by_descriptor", [True, False])
@pytest.mark.parametrize("change", [longer, replaced])
def test_a_file_that_is_another_at_the_end_is_told_unless_its_descriptor_holds_the_old_one(
    tmp_path, change, by_descriptor
):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    is_told = not (by_descriptor and change is replaced)
    with path.open("rb") as file, pytest.raises(FileChangedError) if is_told else nullcontext():
        with steady(file.fileno() if by_descriptor else path):
            change(path)
        assert file.read() == b"one"
    with steady(path):
        assert path.read_bytes() == b"one\n"


@pytest.mark.parametrize("load", [mk.load, listed_in], ids=["exercise", "names"])
def test_a_text_that_is_written_to_while_it_is_read_is_an_error_in_both_languages(tmp_path, monkeypatch, load):
    path = tmp_path / "my.toml"
    path.write_text(source_text("chapter7"), "utf-8")
    at_the_end(monkeypatch, longer, path)
    with pytest.raises(ExerciseError, match=r"my\.toml: the file was written to while it was read") as caught:
        load(path)
    assert "읽는 동안 파일이 바뀌었습니다" in caught.value.korean
    monkeypatch.undo()
    load(path)


def test_a_file_that_cannot_be_written_is_called_by_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        put(tmp_path / "no" / "file.txt", b"text")
    assert caught.value.filename == str(tmp_path / "no" / "file.txt")
