"""For eyes: pictures, pages, worksheets, new nets."""
