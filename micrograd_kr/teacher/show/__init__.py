"""For eyes: pictures, pages, worksheets, tables."""
