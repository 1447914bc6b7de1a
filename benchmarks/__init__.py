"""Measurements that take minutes and are started by hand; tests run small parts of them."""
