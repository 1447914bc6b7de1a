"""From archives and folders of images to arrays: one module per format, class selection, splits."""
