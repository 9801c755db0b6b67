"""Write scenarios in the languages of other tools."""
