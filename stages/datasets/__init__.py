"""From official archives to arrays: downloads, formats, subsets, splits, generated stand-ins."""
