"""Trained variants in use: what predict, export and Grad-CAM take."""
