"""Diagnostics: looking at data and at runs. They read, and change nothing."""
