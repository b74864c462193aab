"""What is asked: exercises, read and worked once."""
