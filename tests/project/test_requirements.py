"""The chapter's 148 requirements and what shows each: the test that fails without it, or for a term its entry."""

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CHECKOUT = TESTS.parent
COUNT = 148

# A requirement: tests as file::test, without "test_" in front, or a document and, after a colon, words that stand in it.
TABLE = """
R001 README.md:머신러닝 용어|딥러닝 용어 이해  README.ko.md:딥러닝 용어 이해
R002 readme::the_glossary_gives_each_korean_term_once_with_its_english
R003 data::the_parts_of_a_split_always_add_up_and_share_nothing  demo_01_terms::the_three_parts_hold_every_sample_once_scaled_by_the_training_data_alone
R004 demo_01_terms::the_best_setting_in_validation_is_chosen_and_it_alone_meets_the_test_data
R005 demos/glossary.md:하이퍼파라미터  demo_01_terms::the_best_setting_in_validation_is_chosen_and_it_alone_meets_the_test_data
R006 layers::parameters_have_names_and_a_shared_one_is_counted_once
R007 demo_01_terms::the_best_setting_in_validation_is_chosen_and_it_alone_meets_the_test_data
R008 demo_01_terms::the_counts_precision_and_recall_are_scikit_learns
R009 demo_01_terms::the_best_setting_in_validation_is_chosen_and_it_alone_meets_the_test_data
R010 demo_01_terms::the_regression_is_better_than_the_mean
R011 demos/glossary.md:지도 학습
R012 demos/glossary.md:비지도 학습  demos/glossary.md:군집  demos/glossary.md:차원 축소
R013 demos/glossary.md:강화 학습  demos/glossary.md:보상
R014 demo_01_terms::the_three_parts_hold_every_sample_once_scaled_by_the_training_data_alone
R015 metrics::the_numbers_are_scikit_learns
R016 metrics::a_binary_matrix_has_the_textbooks_layout_and_scikit_learns
R017 metrics::the_four_counts_are_those_of_the_definitions
R018 metrics::precision_and_recall_are_the_textbooks_and_follow_the_layout  demo_01_terms::the_counts_precision_and_recall_are_scikit_learns
R019 metrics::a_class_never_predicted_or_never_there_is_what_zero_division_says  demo_01_terms::a_model_that_never_says_yes_has_the_precision_chosen_for_0_over_0
R020 demo_01_terms::overfitting_knows_the_training_data_by_heart_and_early_stopping_does_better_elsewhere
R021 demo_01_terms::overfitting_knows_the_training_data_by_heart_and_early_stopping_does_better_elsewhere
R022 train::early_stopping_is_the_textbooks_and_the_best_weights_are_restored  demo_01_terms::overfitting_knows_the_training_data_by_heart_and_early_stopping_does_better_elsewhere
R023 demos/glossary.md:퍼셉트론  demos/glossary.md:가지돌기  demos/glossary.md:종착지 인공 뉴런
R024 perceptron::the_threshold_is_minus_the_bias
R025 perceptron::the_rules_differ_at_0_only
R026 plots::a_curve_is_the_textbooks
R027 perceptron::the_threshold_is_minus_the_bias  demo_02_gates::threshold_and_bias_say_the_same
R028 perceptron::the_threshold_is_minus_the_bias  demo_02_gates::a_bias_is_the_weight_of_a_constant_input
R029 demo_02_gates::in_korean_it_draws_the_same_pictures
R030 perceptron::a_gate_has_its_truth_table_one_by_one_and_as_a_batch  demo_02_gates::the_programs_print_what_the_chapters_print
R031 perceptron::all_printed_and_weights_are_and_under_the_default_rule  demo_02_gates::all_weights_are_shown_under_both_rules_and_those_that_differ_are_marked
R032 perceptron::nand_is_and_with_all_signs_turned_unless_the_sum_is_0
R033 perceptron::a_gate_has_its_truth_table_one_by_one_and_as_a_batch
R034 perceptron::no_single_perceptron_on_a_grid_is_xor  demo_02_gates::the_four_inequalities_of_xor_add_up_to_a_contradiction_and_those_of_the_other_gates_do_not
R035 perceptron::xor_goes_by_way_of_nand_and_or  demo_02_gates::xor_is_composed_in_the_order_of_the_chapters_table
R036 demo_02_gates::in_korean_it_draws_the_same_pictures
R037 demos/glossary.md:심층 신경망  demo_02_gates::in_korean_it_draws_the_same_pictures
R038 demo_03_xor_one_layer::it_ends_at_ln_2_with_half_for_every_input
R039 demo_03_xor_one_layer::it_ends_at_ln_2_with_half_for_every_input
R040 layers::repr_is_pytorchs
R041 losses::a_wrong_certainty_costs_100_and_a_right_one_nothing
R042 optim::steps_are_the_textbooks
R043 demo_03_xor_one_layer::every_100_prints_the_chapters_101_lines_and_korean_says_the_same
R044 demo_03_xor_one_layer::it_ends_at_ln_2_with_half_for_every_input
R045 torch_golden::one_layer_ends_at_ln_2_and_one_half  demo_03_xor_one_layer::the_loss_curves_upwards_in_every_direction_as_the_formula_has_it
R046 demo_04_feed_forward::scalars_and_matrices_agree_in_outputs_loss_and_gradients
R047 demo_04_feed_forward::scalars_and_matrices_agree_in_outputs_loss_and_gradients
R048 layers::a_network_of_scalars_is_labelled_as_the_textbook_writes_it  demo_04_feed_forward::parameters_carry_the_chapters_names_and_start_at_random
R049 layers::linear_starts_uniform_between_plus_and_minus_one_over_the_root_of_the_inputs  demo_04_feed_forward::parameters_carry_the_chapters_names_and_start_at_random
R050 layers::a_network_of_scalars_is_labelled_as_the_textbook_writes_it
R051 layers::a_network_of_scalars_is_labelled_as_the_textbook_writes_it
R052 demo_04_feed_forward::the_numbers_are_those_of_numpy
R053 demo_04_feed_forward::the_numbers_are_those_of_numpy
R054 demo_04_feed_forward::scalars_and_matrices_agree_in_outputs_loss_and_gradients
R055 demo_04_feed_forward::the_numbers_are_those_of_numpy
R056 nn::a_scalar_network_agrees_with_the_same_network_in_tensors  demo_04_feed_forward::the_matrix_as_printed_disagrees_with_the_equations_and_transposed_it_agrees
R057 demo_04_feed_forward::the_numbers_are_those_of_numpy
R058 demo_04_feed_forward::scalars_and_matrices_agree_in_outputs_loss_and_gradients
R059 demo_04_feed_forward::a_step_makes_the_loss_smaller
R060 demo_04_feed_forward::in_korean_it_draws_the_net
R061 torch_golden::xor_is_learnt_as_by_pytorch  demo_06_xor_mlp::the_cost_is_printed_every_100_epochs_as_the_listing_does
R062 chapter7::the_formulas_are_those_of_the_exercise
R063 exercises::the_chapters_forty_printed_numbers_are_the_exact_values_to_eight_decimals
R064 checking::all_forty_numbers_of_the_chapter_match
R065 checking::all_forty_numbers_of_the_chapter_match  demo_05_worked_example::each_number_of_the_chapter_is_printed_in_its_own_line
R066 drawing::the_chapters_forty_numbers_are_all_in_its_picture  demo_05_worked_example::each_number_of_the_chapter_is_printed_in_its_own_line
R067 checking::all_forty_numbers_of_the_chapter_match
R068 checking::the_chapters_own_trap_the_updated_weights_in_step_two_is_wrong
R069 checking::all_forty_numbers_of_the_chapter_match
R070 checking::the_misprints_of_the_chapter_are_found_and_the_operand_that_mends_one_is_named
R071 exercises::the_loss_falls_in_one_step  checking::all_forty_numbers_of_the_chapter_match
R072 chapter7::each_printed_number_comes_out_in_all_three_ways_to_its_last_decimal  demo_05_worked_example::three_ways_stand_side_by_side_and_agree
R073 drawing::the_chapters_forty_numbers_are_all_in_its_picture  readme::the_picture_shows_every_number_that_the_chapter_prints
R074 engine::a_scalar_is_a_python_float
R075 demo_05_worked_example::the_error_falls_at_every_step_down_to_what_float64_can_tell  demo_05_worked_example::one_more_step_changes_no_weight
R076 demo_06_xor_mlp::the_net_has_the_chapters_layers_and_261_parameters  demo_06_xor_mlp::with_lr_1_every_seed_learns_xor
R077 layers::a_device_is_accepted_and_a_dtype_is_not_taken_for_one
R078 demo_06_xor_mlp::with_lr_01_the_cost_still_stands_at_ln_2
R079 golden::activations_are_pytorchs  demo_07_activations::each_curve_and_its_slope_are_those_of_the_textbook_on_its_100_points
R080 demo_07_activations::linear_functions_and_layers_stacked_are_linear
R081 demo_07_activations::the_four_steps_repeated_bring_the_loss_down
R082 plots::a_curve_is_the_textbooks
R083 plots::a_derivative_is_the_slope_of_its_curve  demo_07_activations::sigmoid_slopes_are_a_quarter_at_most_and_those_of_tanh_one
R084 demo_07_activations::the_gradient_vanishes_with_sigmoid_and_not_with_tanh_or_relu  demo_07_activations::where_it_vanishes_nothing_is_learned_and_the_front_stays
R085 plots::a_curve_is_the_textbooks
R086 demo_07_activations::sigmoid_slopes_are_a_quarter_at_most_and_those_of_tanh_one
R087 plots::a_curve_is_the_textbooks
R088 demo_07_activations::each_curve_and_its_slope_are_those_of_the_textbook_on_its_100_points
R089 demo_07_activations::dead_relus_stay_dead_and_leaky_ones_recover
R090 plots::a_curve_is_the_textbooks  layers::repr_is_pytorchs  demo_07_activations::leaky_relu_gives_a_times_x_which_is_max_only_up_to_1
R091 plots::softmax_sums_to_1_and_is_largest_at_the_end  ops::the_softmax_family_is_exact_and_silent_ten_thousand_from_zero  demo_07_activations::softmax_stands_large_numbers_where_the_formula_does_not
R092 demo_07_activations::the_pairs_of_activation_and_cost_are_named_with_their_gradient
R093 demo_07_activations::the_pairs_of_activation_and_cost_are_named_with_their_gradient
R094 plots::curves_stand_side_by_side_each_with_its_derivative
R095 data::the_real_sets_have_their_sizes_labels_and_split
R096 data::a_data_set_prints_its_shapes_and_not_its_numbers  demo_08_images::the_digits_are_split_without_loss
R097 data::scale_makes_floats_of_pixels_and_refuses_floats
R098 plots::one_image_is_shown_whatever_its_shape
R099 plots::25_digits_stand_in_a_grid_under_their_labels_without_axes
R100 demo_08_images::the_digits_are_split_without_loss
R101 data::scale_makes_floats_of_pixels_and_refuses_floats
R102 layers::flatten_joins_axes_and_leaves_a_constant_a_constant
R103 data::the_sizes_of_a_split  data::the_real_sets_have_their_sizes_labels_and_split  demo_08_images::the_digits_are_split_without_loss
R104 data::cifar_10_is_read_from_an_npz_in_the_given_folder  demo_08_images::one_epoch_on_mnist_is_enough_for_nine_in_ten
R105 layers::the_chapters_network_has_its_number_of_parameters  demo_08_images::the_network_has_as_many_parameters_as_the_chapters  demo_08_images::two_softmaxes_keep_the_loss_up_and_the_gradient_down
R106 torch::an_optimiser_takes_pytorchs_steps_on_any_settings
R107 layers::a_device_is_accepted_and_a_dtype_is_not_taken_for_one
R108 train::lines_are_printed_after_every_interval_with_the_textbooks_numbers
R109 train::every_epoch_takes_each_sample_once_in_a_new_order  data::batches_give_every_sample_once_with_its_label_and_only_the_last_is_short
R110 train::losses_of_batches_are_weighted_by_their_sizes  train::a_run_gives_pytorchs_losses_and_weights
R111 train::validation_is_in_eval_mode_without_a_graph_and_training_in_neither
R112 train::early_stopping_is_the_textbooks_and_the_best_weights_are_restored
R113 train::lines_are_printed_after_every_interval_with_the_textbooks_numbers
R114 train::the_weights_kept_are_a_copy_that_training_in_place_does_not_change  train::an_equal_loss_counts_as_the_lowest_so_the_later_weights_are_kept
R115 train::a_run_ends_after_exactly_patience_epochs_without_a_lower_loss
R116 train::early_stopping_is_the_textbooks_and_the_best_weights_are_restored
R117 train::early_stopping_is_the_textbooks_and_the_best_weights_are_restored
R118 layers::what_is_no_mapping_is_refused
R119 plots::a_history_is_drawn_from_an_epoch_on_with_the_textbooks_size_title_and_labels
R120 train::evaluation_leaves_the_weights_their_gradients_and_the_generators_alone  demo_08_images::the_best_weights_classify_most_of_the_test_digits
R121 train::accuracy_and_confusion_follow_from_what_the_targets_are
R122 metrics::a_frame_is_the_chapters_with_true_and_pred
R123 metrics::the_table_labels_rows_and_columns_and_ends_with_recall_and_precision
R124 demos/glossary.md:ImageNet  demo_08_images::the_table_of_data_sets_is_printed_with_the_chapters_numbers
R125 demos/08_images.py:developer-together.tistory.com/49
R126 demos/glossary.md:KMP_DUPLICATE_LIB_OK
R127 demo_09_overfitting::the_large_network_knows_the_wrong_labels_by_heart  demo_09_overfitting::each_remedy_does_better_on_new_digits_and_memorises_less
R128 demo_09_overfitting::the_learning_curve_closes_the_gap
R129 data::augmentation_keeps_shape_and_dtype_and_leaves_its_batch_alone  demo_09_overfitting::augmentation_changes_every_digit_but_keeps_its_shape
R130 demo_09_overfitting::each_remedy_does_better_on_new_digits_and_memorises_less
R131 demo_09_overfitting::the_chapters_networks_have_their_parameters
R132 demo_09_overfitting::the_chapters_networks_have_their_parameters
R133 nn::a_parameter_assigned_later_is_found  layers::a_module_without_forward_says_so
R134 layers::penalties_are_sums_of_sizes_and_of_squares
R135 layers::penalties_are_sums_of_sizes_and_of_squares  demo_09_overfitting::weight_decay_is_another_thing_in_adam
R136 torch::an_optimiser_takes_pytorchs_steps_on_any_settings
R137 layers::dropout_drops_a_share_scales_the_rest_and_repeats_by_seed
R138 layers::dropout_is_off_in_evaluation  demo_09_overfitting::dropout_turns_neurons_off_in_training_only
R139 demo_09_overfitting::random_networks_answer_better_together  demo_09_overfitting::its_pictures_are_there
R140 ops::every_rule_has_a_row_that_runs_it  ops::an_operation_gives_numpys_numbers_and_its_derivatives_those_of_finite_differences
R141 engine::broadcasting_is_undone
R142 engine::each_node_is_visited_once  engine::both_edges_of_a_square_are_kept
R143 engine::leaves_add_up_over_calls_and_inner_nodes_hold_the_last_gradient
R144 torch_golden::linear_starts_within_pytorchs_bounds_and_fills_them
R145 torch_golden::binary_cross_entropy_at_its_ends_is_pytorchs  torch_golden::cross_entropy_at_its_ends_is_pytorchs
R146 torch_golden::an_optimiser_goes_the_way_of_pytorchs
R147 layers::one_seed_one_run  train::one_seed_is_one_run_and_another_seed_another
R148 ops::float32_stays_float32_in_result_and_gradients
"""


def requirements(table: str) -> dict[str, list[str]]:
    """The references of each requirement; words in a reference may hold single spaces."""
    rows = [line.split(" ", 1) for line in table.strip().splitlines()]
    return {number: references.split("  ") for number, references in rows}


def missing(table: str) -> list[str]:
    found = requirements(table)
    return [number for number in (f"R{each:03}" for each in range(1, COUNT + 1)) if not found.get(number)]


@cache
def defined_in(file: str) -> set[str]:
    trees = [ast.parse(path.read_text("utf-8")) for path in TESTS.rglob(f"test_{file}.py")]
    return {each.name for tree in trees for each in tree.body if isinstance(each, ast.FunctionDef)}


def is_there(reference: str) -> bool:
    """Whether a test is defined, or a document has one of the words."""
    if "::" in reference:
        file, name = reference.split("::")
        return f"test_{name}" in defined_in(file)
    document, words = reference.split(":")
    path = CHECKOUT / document
    return path.is_file() and any(each in path.read_text("utf-8") for each in words.split("|"))


def test_no_requirement_is_without_something_that_shows_it() -> None:
    assert missing(TABLE) == []


def test_a_number_that_is_not_in_the_table_is_missed() -> None:
    assert "R066" in missing(re.sub("(?m)^R066 .*\n", "", TABLE))


@pytest.mark.parametrize(
    ("number", "reference"), [(number, each) for number, found in requirements(TABLE).items() for each in found]
)
def test_what_shows_a_requirement_is_there(number: str, reference: str) -> None:
    assert is_there(reference), number


@pytest.mark.parametrize("reference", ["checking::no_such_test", "no_such_file::a_test", "README.md:no such words"])
def test_what_is_not_there_is_missed(reference: str) -> None:
    assert not is_there(reference)


@pytest.mark.skipif("MICROGRAD_KR_DATA" not in os.environ, reason="the list of requirements is not installed")
def test_the_table_has_the_numbers_of_the_list() -> None:
    text = (Path(os.environ["MICROGRAD_KR_DATA"]).parent / "chapter" / "requirements.md").read_text("utf-8")
    assert set(re.findall(r"(?m)^- (R\d{3}) ", text)) == set(requirements(TABLE))
