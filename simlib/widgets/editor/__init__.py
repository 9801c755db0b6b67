"""The editor: a scenario as text, checked and solved while you type."""
