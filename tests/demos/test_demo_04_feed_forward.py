"""Demo 4: scalars and matrices agree, the chapter's misprint is told, and the net is drawn by the chapter's names."""

import numpy as np
import pytest
from demos_run import Run, run

from micrograd_kr import drawing

pytest.importorskip("matplotlib")  # which demos/frame.py needs

LABELS = ("w₁₁⁽²⁾", "w₁₂⁽²⁾", "w₂₁⁽²⁾", "w₂₂⁽²⁾", "b₁⁽²⁾", "b₂⁽²⁾", "w₁₁⁽³⁾", "w₁₂⁽³⁾", "b₁⁽³⁾")
COMPUTED = ("z₁⁽²⁾", "z₂⁽²⁾", "a₁⁽²⁾", "a₂⁽²⁾", "z₁⁽³⁾", "y = a₁⁽³⁾", "E")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:  # so that it runs where nothing renders
        patch.setattr(drawing, "renderer", lambda: None)
        return run("04_feed_forward", tmp_path_factory.mktemp("en"))


def test_scalars_and_matrices_agree_in_outputs_loss_and_gradients(english):
    names = english.names
    assert names["difference"] <= 1e-15
    assert names["gradient_difference"] <= 1e-15
    assert names["general_difference"] <= 1e-15
    assert len(names["scalars"]) == 7
    assert len(names["matrix_gradients"]) == 9
    assert all(names["scalar_gradients"])  # none of them 0


def test_the_numbers_are_those_of_numpy(english):
    names = english.names
    a = np.array([0.1, 0.2])
    for weights, bias in (("W2", "B2"), ("W3", "B3")):
        a = 1 / (1 + np.exp(-(names[weights].data @ a + names[bias].data)))
    assert names["y"].data == pytest.approx(a.item(), rel=1e-14)
    assert names["loss"].data == pytest.approx((a.item() - 1) ** 2 / 2, rel=1e-14)


def test_parameters_carry_the_chapters_names_and_start_at_random(english):
    assert tuple(each.label for each in english.names["parameters"]) == LABELS
    assert english.names["labels"] == "w₂₁⁽²⁾ w₂₂⁽²⁾ w₂₃⁽²⁾ w₂₄⁽²⁾"
    assert len({each.data for each in english.names["parameters"]}) == len(LABELS)


def test_the_matrix_as_printed_disagrees_with_the_equations_and_transposed_it_agrees(english):
    assert english.names["by_equations"].tolist() == english.names["transposed"].tolist() == [21, 43]
    assert english.names["printed"].tolist() == [31, 42]


def test_a_step_makes_the_loss_smaller(english):
    assert 0 < english.names["loss_after"].data < english.names["loss"].data


def test_without_graphviz_the_picture_is_text_and_it_says_what_to_install(english):
    assert 'pip install "micrograd-kr[draw]"' in english.text
    assert set(english.pictures) == {"04_feed_forward.dot"}
    drawn = english.pictures["04_feed_forward.dot"].read_text("utf-8")
    for label in (*LABELS, *COMPUTED, "x₁ = a₁⁽¹⁾", "x₂ = a₂⁽¹⁾"):
        assert f">{label}<" in drawn, label


def test_in_korean_it_draws_the_net(english, tmp_path):
    if drawing.renderer() is None:
        pytest.skip("nothing here can draw")
    korean = run("04_feed_forward", tmp_path, "--lang", "ko")
    assert korean.names["scalars"] == english.names["scalars"]
    assert "행렬" in korean.text
    assert set(korean.pictures) == {"04_feed_forward.png"}
