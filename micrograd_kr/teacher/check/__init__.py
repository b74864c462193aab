"""What a person wrote, judged."""
