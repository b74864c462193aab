"""The teacher: exercises worked by hand, checked, explained and shown."""

from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.verbs import draw

Exercise.picture = draw  # how a notebook shows one
