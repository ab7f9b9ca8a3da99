"""Views: pure functions from numbers to pictures and shorter numbers."""
