"""How sure an answer is, and which information would help most."""
