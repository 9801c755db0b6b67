"""How sure an answer is, and what is worth finding out next."""
