"""How each number comes about: expressions, lines, the chain rule written out."""
