"""What takes minutes and is measured by hand; tests run small parts of it."""
