"""How sure is an answer, and what would be worth finding out."""
