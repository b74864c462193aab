"""What a class handed in, judged and marked."""
